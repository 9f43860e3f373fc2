//! A small project in a temporary directory, for commands that read its files.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use super::wasm;

/// A manifest with the component `faulty`, which imports every interface of the adapter.
pub(crate) fn manifest() -> String {
    manifest_of("faulty")
}

/// A manifest with one component, which is built.
pub(crate) fn manifest_of(name: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"small\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"{name}\"\n\
         [component.{name}]\nsource = \"{}\"\n",
        wasm(name).display()
    )
}

/// A project with settings and a manifest. Its commands listen on free ports and reach no database.
pub(crate) struct Scratch {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Scratch {
    pub(crate) fn new(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let free = [
            "SPINDLE_LISTEN_APP",
            "SPINDLE_SERVER_ADDRESS",
            "SPINDLE_MANAGEMENT_ADDRESS",
        ];
        let variables = free.map(|name| (name.to_owned(), "127.0.0.1:0".to_owned()));
        let scratch = Self {
            directory,
            variables: variables.into(),
        };
        scratch.write("adapter.toml", settings);
        scratch.write("spin.toml", &manifest());
        scratch.env("DATABASE_URL", "postgres://u@127.0.0.1:1/x")
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("create");
        std::fs::write(&path, text).expect("write");
        path
    }

    /// Sets a variable, or removes it if the value is empty.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the program in the project.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-adapter"));
        let variables = self.variables.iter().filter(|(_, value)| !value.is_empty());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(variables.map(|(name, value)| (name, value)))
            .args(arguments)
            .arg("--project")
            .arg(self.path());
        command.output().expect("it runs")
    }
}

/// The messages of the warnings in a command's log.
pub(crate) fn warnings(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let warnings = lines.filter(|line| line["level"] == "WARNING");
    warnings
        .map(|line| line["message"].as_str().unwrap_or_default().to_owned())
        .collect()
}
