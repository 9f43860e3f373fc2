//! A project of its own for each host: keys, tokens and a database that no other host has.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{checkout::Checkout, lab::Lab};

/// What a project shares with the checkout.
const LINKS: &[&str] = &[
    "adapter.toml",
    "spin.toml",
    "components",
    "migrations",
    "target",
];

pub(crate) struct Project {
    pub(crate) directory: PathBuf,
    pub(crate) database: SecretString,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

impl Project {
    /// Makes a project with an empty database.
    pub(crate) async fn create(lab: &Lab, checkout: &Checkout, name: &str) -> anyhow::Result<Self> {
        let directory = lab.directory.join(name);
        std::fs::create_dir_all(&directory)?;
        for link in LINKS {
            symlink(checkout.root.join(link), directory.join(link))?;
        }
        Ok(Self {
            directory,
            database: lab.server.create(name).await?,
            program: checkout.host_adapter(),
            environment: checkout.environment(),
        })
    }

    /// Where a process of the project writes its output.
    pub(crate) fn log(&self, process: &str) -> PathBuf {
        self.directory.join(format!("{process}.log"))
    }

    /// A command of `host-adapter` in this project.
    pub(crate) fn command(&self, name: &str) -> Command {
        self.command_in(&self.directory, name)
    }

    /// The same with other manifests and settings.
    pub(crate) fn command_in(&self, directory: &Path, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(name)
            .arg("--project")
            .arg(directory)
            .env("DATABASE_URL", self.database.expose_secret())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The variables with the tokens by which components call `host-adapter serve`, which gets them too.
    pub(crate) fn tokens(&self) -> anyhow::Result<Vec<(String, String)>> {
        let output = self.command("adapter-tokens").output()?;
        anyhow::ensure!(
            output.status.success(),
            "`host-adapter adapter-tokens` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = String::from_utf8(output.stdout)?;
        let pairs = lines.lines().map(|line| line.split_once('='));
        let pairs = pairs.map(|pair| pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
        pairs
            .collect::<Option<Vec<_>>>()
            .context("`host-adapter adapter-tokens` printed an unknown line")
    }
}
