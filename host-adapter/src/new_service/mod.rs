//! `host-adapter new-service`: a service that works, to be changed.
//!
//! Its files are those of the crate `service-template` in `host-adapter/template`, with other names. That
//! crate is compiled and checked like every other, so what is made from it compiles.

mod available;
mod changes;
mod manifests;
mod names;
mod ports;
mod reserved;
mod template;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::{Environment, Settings};
use adapter_component_host::manifest::Manifest;
use changes::Changes;
use names::Names;

/// The application's manifest.
const MANIFEST: &str = "spin.toml";

/// The service that receives events.
const ANALYTICS: &str = "analytics";

/// Where the rows or documents of a service are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A table in PostgreSQL.
    Postgres,
    /// A collection of documents.
    Documents,
}

/// What to make.
#[derive(Debug)]
pub struct NewService<'a> {
    /// The service's name, such as `notes`.
    pub name: &'a str,
    /// Where its rows are.
    pub store: Store,
    /// Whether it tells analytics what users create. Only a transaction in PostgreSQL sends events.
    pub sends_events: bool,
    /// The port on which it is served alone. The default is the first free one after the others.
    pub port: Option<u16>,
}

/// The project that gets a service.
#[derive(Debug)]
pub struct Project<'a> {
    /// Its directory.
    pub directory: PathBuf,
    /// The settings file, relative to the directory.
    pub file: PathBuf,
    /// Its settings in force.
    pub settings: &'a Settings,
    /// Where the settings were overridden.
    pub environment: &'a Environment,
}

/// What was made.
#[derive(Debug)]
pub struct Created {
    /// New files, relative to the project.
    pub files: Vec<PathBuf>,
    /// Changed files, relative to the project.
    pub changed: Vec<PathBuf>,
    /// The port on which the service is served alone.
    pub port: u16,
}

impl NewService<'_> {
    /// Makes the service: all of it, or nothing if there is an error.
    ///
    /// # Errors
    /// The name or the port cannot be used, or a file cannot be read or written. The text says what to do.
    pub fn create(&self, project: &Project<'_>) -> anyhow::Result<Created> {
        available::check_name(self.name, project)?;
        let names = Names::parse(self.name)?;
        available::check(self, &names, project)?;
        let port = ports::choose(self.port, project.settings)?;
        let (files, changed) = self.changes(project, &names, port)?.apply()?;
        Ok(Created {
            files,
            changed,
            port,
        })
    }

    fn changes<'p>(
        &self,
        project: &'p Project<'_>,
        names: &Names,
        port: u16,
    ) -> anyhow::Result<Changes<'p>> {
        let manifest = Path::new(MANIFEST);
        let mut changes = Changes::new(&project.directory);
        let spin = manifests::spin(&project.read(manifest)?, names).context(MANIFEST)?;
        changes.replace(manifest, spin, |path| Ok(Manifest::read(path).map(drop)?));
        let grants = manifests::grants(&project.read(&project.file)?, names, self, port);
        let grants = grants.with_context(|| project.file.display().to_string())?;
        changes.replace(&project.file, grants, |path| {
            Settings::load(&project.directory, path, project.environment)?;
            Ok(())
        });
        for (path, text) in template::files(names, self) {
            changes.create(path, text);
        }
        Ok(changes)
    }
}

impl Project<'_> {
    fn read(&self, path: &Path) -> anyhow::Result<String> {
        let path = self.directory.join(path);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    }
}
