//! What all measurements use: this checkout, a directory of its own, and a PostgreSQL.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{checkout::Checkout, database::Server, load};

pub(crate) struct Lab {
    pub(crate) checkout: Checkout,
    /// Beside the project's private databases, and not in the directory for temporary files, because for root
    /// PostgreSQL runs as another user, which has to be able to enter it.
    pub(crate) directory: PathBuf,
    pub(crate) server: Server,
}

impl Lab {
    /// Starts in the current directory, which is the project's. `programs` is where `host-adapter` is, if not
    /// beside this program.
    ///
    /// # Errors
    ///
    /// Something that is measured with is missing. The text says what to do.
    pub(crate) async fn open(programs: Option<&Path>) -> anyhow::Result<Self> {
        load::check().await?;
        let root = std::env::current_dir()?;
        let own = std::env::current_exe()?;
        let own = own.parent().context("this program is in no directory")?;
        let programs = programs.unwrap_or(own).canonicalize();
        let programs = programs.context("the directory of `--programs`")?;
        let checkout = Checkout::new(root.clone(), programs)?;
        let directory = root.join(".spindle/bench");
        let postgres = directory.join("postgres");
        let server = Server::start(&postgres, || remove(&directory)).await?;
        std::fs::create_dir_all(&directory)?;
        std::fs::write(load::script(&directory), load::SCRIPT)?;
        Ok(Self {
            checkout,
            directory,
            server,
        })
    }

    /// A program of this package: beside `host-adapter`, or beside this one.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let given = self.checkout.programs.join(name);
        if given.exists() {
            return Ok(given);
        }
        Ok(std::env::current_exe()?.with_file_name(name))
    }

    /// Stops PostgreSQL and removes everything that was stored.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.server.stop().await?;
        remove(&self.directory)
    }
}

fn remove(directory: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing `{}`", directory.display()))
        }
        _ => Ok(()),
    }
}
