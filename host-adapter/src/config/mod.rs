//! Settings: `adapter.toml`, overridden by `.env`, overridden by the environment.
//!
//! They are read once, at the start, into plain values that are known to be good; nothing else in
//! this crate takes a setting from a variable. Whatever is unknown is refused rather than ignored, because a
//! mistyped limit that silently stays at its default is found out in production.

mod components;
mod consistency;
mod databases;
mod dispatch;
mod documents;
mod environment;
mod errors;
mod host;
mod listen;
mod mongodb;
mod nearest;
mod operation;
mod percent;
mod postgres;
mod quantity;
mod reader;
mod section;
mod server;
#[cfg(test)]
mod tests;
mod value;
mod vault;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

pub use self::mongodb::MongoDb;
pub use components::Grants;
pub use databases::Databases;
pub use dispatch::{Dispatch, Peer};
pub use documents::Documents;
pub use environment::{DOTENV_FILE, Environment, Origin};
pub use errors::{ConfigError, Problem};
pub use host::Host;
pub use listen::Listen;
pub use operation::{Health, Log, LogLevel, Migrations};
pub(crate) use percent::percent_encode;
pub use postgres::Postgres;
pub use vault::{Envelopes, Keys, Passwords, Tokens};

use adapter_api::ApiSettings;
use reader::{Effective, Reader};
use value::Value;

/// The file's usual name in the project's directory.
pub const SETTINGS_FILE: &str = "adapter.toml";

/// Everything that can be set, checked. Paths are absolute if the project's directory is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `PRODUCTION`: nothing is made up for convenience, no keys and no database, and services
    /// insist on encryption. Off by default.
    pub production: bool,
    /// Where `up` listens.
    pub listen: Listen,
    /// The embedded component host.
    pub host: Host,
    /// Limits of PostgreSQL.
    pub postgres: Postgres,
    /// Limits of documents.
    pub documents: Documents,
    /// The MongoDB client.
    pub mongodb: MongoDb,
    /// Calls to peers.
    pub dispatch: Dispatch,
    /// Peers by name: those of the file, and every component.
    pub peers: BTreeMap<String, Peer>,
    /// Password hashing.
    pub passwords: Passwords,
    /// Access tokens.
    pub tokens: Tokens,
    /// Envelopes between services.
    pub envelopes: Envelopes,
    /// Key files.
    pub keys: Keys,
    /// Probes of dependencies.
    pub health: Health,
    /// Migrations.
    pub migrations: Migrations,
    /// The log.
    pub log: Log,
    /// Grants by component id.
    pub components: BTreeMap<String, Grants>,
    /// The adapter's HTTP API.
    pub server: ApiSettings,
    /// Databases that somebody else runs.
    pub databases: Databases,
    effective: Vec<Effective>,
}

impl Settings {
    /// Read `file`, a path relative to `project`, and what `environment` overrides.
    ///
    /// # Errors
    /// The file is missing or not TOML, or at least one setting is not acceptable. The error's
    /// text is complete: file, key, what was expected and what it got, for every one of them.
    pub fn load(
        project: &Path,
        file: &Path,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let name = file.display().to_string();
        let table = read_table(&project.join(file), &name)?;
        let mut reader = Reader::new(&name, table, environment);
        let mut settings = Self::read(&mut reader, project);
        // Defaults stand in for what could not be read, so a comparison would blame the wrong one.
        if !reader.has_problems() {
            consistency::check(&settings, &mut reader);
        }
        settings.effective = reader.finish()?;
        Ok(settings)
    }

    /// The settings in force, in the notation of the file, each with where it comes from. Secrets
    /// are named, not shown.
    pub fn describe(&self) -> String {
        let mut text = format!("production = {}\n", self.production);
        let mut section = "";
        for setting in &self.effective {
            let line = format!("{} = {}", setting.key, setting.value);
            // Writing to a text cannot fail.
            let _ = if setting.section == section {
                writeln!(text, "{line:<44} # {}", setting.source)
            } else {
                writeln!(
                    text,
                    "\n[{}]\n{line:<44} # {}",
                    setting.section, setting.source
                )
            };
            section = &setting.section;
        }
        text
    }

    fn read(reader: &mut Reader<'_>, project: &Path) -> Self {
        let mut components = components::read(reader);
        let peers = dispatch::read_peers(reader, &components);
        dispatch::name_every_other(&mut components, &peers);
        Self {
            production: read_production(reader),
            listen: listen::read(reader, components.keys()),
            host: host::read(reader, project),
            postgres: postgres::read(reader),
            documents: documents::read(reader),
            mongodb: mongodb::read(reader),
            dispatch: dispatch::read(reader),
            peers,
            passwords: vault::read_passwords(reader),
            tokens: vault::read_tokens(reader),
            envelopes: vault::read_envelopes(reader),
            keys: vault::read_keys(reader, project),
            health: operation::read_health(reader),
            migrations: operation::read_migrations(reader, project),
            log: operation::read_log(reader),
            server: server::read(reader, project, components.keys()),
            databases: databases::read(reader, project, components.keys()),
            components,
            effective: Vec::new(),
        }
    }
}

/// A variable only, so that one file serves a laptop and production.
fn read_production(reader: &mut Reader<'_>) -> bool {
    const VARIABLE: &str = "PRODUCTION";
    let environment = reader.environment;
    let (Some(text), Some(origin)) = (environment.get(VARIABLE), environment.origin(VARIABLE))
    else {
        return false;
    };
    bool::from_text(text).unwrap_or_else(|| {
        reader.refuse(
            origin,
            format!("`{VARIABLE}` must be {}, got `{text}`", bool::KIND),
        );
        true
    })
}

/// How many processors there are to use; one where the system does not say.
fn processors() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get());
    u32::try_from(processors).unwrap_or(1).clamp(1, 256)
}

fn read_table(path: &Path, name: &str) -> Result<toml::Table, ConfigError> {
    let text = environment::read_text(path)?.ok_or_else(|| ConfigError::Unreadable {
        file: path.to_owned(),
        reason: "there is no such file".to_owned(),
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        ConfigError::Syntax {
            file: name.to_owned(),
            line: before.matches('\n').count() + 1,
            reason: error.message().to_owned(),
        }
    })
}
