//! Settings: `adapter.toml`, overridden by `.env`, overridden by the environment.
//!
//! They are read and checked at the start, and again by a reload. Nothing else in this crate reads a setting from a
//! variable. Each owner defines its settings; this module defines those of the program itself. Unknown
//! settings are rejected rather than ignored, because a mistyped limit would silently keep its default
//! until production.

mod api_tokens;
mod changes;
mod components;
mod consistency;
mod databases;
mod environment;
mod errors;
mod layers;
mod listen;
mod log;
mod management;
mod nearest;
mod operation;
mod peers;
mod percent;
mod production;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub(crate) use changes::Changes;
pub(crate) use components::RESERVED;
pub use components::{Grants, TokenUse};
pub use databases::Databases;
pub use environment::{DOTENV_FILE, Environment, Origin};
pub use errors::{ConfigError, Problem};
pub use listen::Listen;
pub(crate) use nearest::suggestion;
pub use operation::Migrations;
pub use peers::Peer;
pub(crate) use percent::percent_encode;

use adapter_api::ApiSettings;
use adapter_capabilities::{
    dispatch::DispatchSettings,
    documents::{Limits, MongoDbSettings},
    health::HealthSettings,
    outbox::RelaySettings,
    postgres::PostgresSettings,
    sessions::SessionSettings,
    vault::{EnvelopeSettings, KeySettings, PasswordSettings, Policy, TokenSettings},
};
use adapter_component_host::HostSettings;
use adapter_listening::ListeningSettings;
use adapter_logging::LogSettings;
use adapter_management::{Access, ManagementSettings};
use adapter_telemetry::traces::TraceSettings;
pub(crate) use layers::is_name;

use crate::control::Control;
use layers::{Effective, Layers};

/// The file's usual name in the project's directory.
pub const SETTINGS_FILE: &str = "adapter.toml";

/// Everything that can be set, checked. Paths are absolute if the project's directory is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `PRODUCTION`: keys and databases are not created automatically, and services
    /// insist on encryption. Off by default.
    pub production: bool,
    /// Where `up` listens.
    pub listen: Listen,
    /// The embedded component host, `[host]`.
    pub host: HostSettings,
    /// Listeners and threads, `[host]` too.
    pub listening: ListeningSettings,
    /// PostgreSQL.
    pub postgres: PostgresSettings,
    /// Limits of documents.
    pub documents: Limits,
    /// The MongoDB client.
    pub mongodb: MongoDbSettings,
    /// Calls to peers, `[dispatch]`.
    pub dispatch: DispatchSettings,
    /// Delivery of messages, `[dispatch]` too.
    pub outbox: RelaySettings,
    /// Peers by name: those of the file, and every component.
    pub peers: BTreeMap<String, Peer>,
    /// Password hashing.
    pub passwords: PasswordSettings,
    /// Access tokens, `[tokens]`.
    pub tokens: TokenSettings,
    /// Ended sessions, `[tokens]` too.
    pub sessions: SessionSettings,
    /// Envelopes between services.
    pub envelopes: EnvelopeSettings,
    /// Key files, `[keys]`.
    pub keys: KeySettings,
    /// Which keys are usable, also in `[keys]`.
    pub key_policy: Policy,
    /// Probes of dependencies.
    pub health: HealthSettings,
    /// Migrations.
    pub migrations: Migrations,
    /// The log.
    pub log: LogSettings,
    /// Traces in memory.
    pub traces: TraceSettings,
    /// The management port.
    pub management: ManagementSettings,
    /// Who may see the operators' page: `MANAGEMENT_TOKEN`.
    pub management_access: Access,
    /// The socket of `reload` and `components`.
    pub control: Control,
    /// Grants by component id.
    pub components: BTreeMap<String, Grants>,
    /// The adapter's HTTP API.
    pub server: ApiSettings,
    /// Databases that exist already.
    pub databases: Databases,
    effective: Vec<Effective>,
}

impl Settings {
    /// Reads `file`, a path relative to `project`, and applies the overrides in `environment`.
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
        let mut layers = Layers::new(&name, table, environment);
        let mut settings = Self::read(&mut layers, project);
        layers.reject_unknown();
        // An unreadable setting has its default here, so a comparison could blame another one.
        if !layers.has_problems() {
            consistency::check(&settings, &mut layers);
        }
        settings.effective = layers.finish()?;
        settings.find_paths_from(project);
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

    fn read(layers: &mut Layers<'_>, project: &Path) -> Self {
        let mut components = components::read(layers);
        let peers = peers::read(layers, &components);
        peers::name_every_other(&mut components, &peers);
        let production = production::read(layers);
        let mut tokens = layers.section("tokens");
        components::name_every_verifier(&mut tokens, &components);
        Self {
            production,
            listen: listen::read(layers, components.keys()),
            host: layers.section("host"),
            listening: layers.section("host"),
            postgres: layers.section("postgres"),
            documents: layers.section("documents"),
            mongodb: layers.section("mongodb"),
            dispatch: layers.section("dispatch"),
            outbox: layers.section("dispatch"),
            peers,
            passwords: layers.section("passwords"),
            tokens,
            sessions: layers.section("tokens"),
            envelopes: layers.section("envelopes"),
            keys: layers.section("keys"),
            key_policy: Policy {
                production,
                ..layers.section("keys")
            },
            health: layers.section("health"),
            migrations: layers.section("migrations"),
            traces: layers.section("traces"),
            management: layers.section("management"),
            management_access: management::read(layers, project, production),
            log: log::read(layers, components.keys()),
            control: layers.section("control"),
            server: ApiSettings {
                tokens: api_tokens::read(layers, project, components.keys()),
                ..layers.section("server")
            },
            databases: databases::read(layers, project, components.keys()),
            components,
            effective: Vec::new(),
        }
    }

    /// Relative paths are relative to the project.
    fn find_paths_from(&mut self, project: &Path) {
        let server = &mut self.server;
        let optional = [
            &mut server.tls_certificate,
            &mut server.tls_key,
            &mut server.client_ca,
            &mut self.keys.seals_directory,
            &mut self.log.directory,
            &mut self.log.spin_directory,
        ];
        let directories: [&mut PathBuf; 4] = [
            &mut self.control.socket,
            &mut self.host.compilation_cache,
            &mut self.keys.directory,
            &mut self.migrations.directory,
        ];
        for path in optional.into_iter().flatten().chain(directories) {
            *path = project.join(&*path);
        }
    }
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
