//! The command line.

mod adapter_tokens;
mod background;
mod call;
mod components;
mod config;
mod database;
mod doctor;
mod envelope;
mod hangup;
mod health;
mod keys;
mod local_url;
mod log;
mod log_metrics;
mod migrate;
mod mongodb;
mod new_service;
mod next_server;
mod operation;
mod operations;
mod outbox;
mod process_changes;
pub mod reloader;
mod remote_components;
mod run;
mod serve;
mod servers;
mod shutdown;
mod sockets;
mod start_checks;
mod up;
mod watch;

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, PoisonError, RwLock},
};

use clap::{Parser, Subcommand};

use adapter_logging::LogHandle;
use adapter_telemetry::traces::Traces;

use crate::config::{ConfigError, Environment, SETTINGS_FILE, Settings};

/// The exit status if the settings or the command line are wrong. All other errors exit with 1.
/// clap uses the same status for the command line.
const EXIT_CONFIG: u8 = 2;

/// Runs Spindle's components and gives them PostgreSQL, documents, calls to each other and
/// cryptography.
#[derive(Debug, Parser)]
#[command(name = "host-adapter", version, about, long_about = None)]
struct Arguments {
    /// The project's directory: settings, manifests and migrations are found from there.
    #[arg(long, global = true, default_value = ".", value_name = "DIRECTORY")]
    project: PathBuf,

    /// The settings file, relative to the project's directory.
    #[arg(long, global = true, default_value = SETTINGS_FILE, value_name = "FILE")]
    config: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the whole application, and each service on its own, with all that they need.
    Up(up::Up),
    /// Serve the adapter's API to components that run elsewhere, such as on Spin.
    Serve(serve::Serve),
    /// Take up changed components without a restart: replace them between two requests.
    Reload(components::Reload),
    /// Say whether the running program is ready to answer requests, and why not: exit status 0 or 1.
    Health,
    /// List the components that are served, by digest and since when.
    Components(components::Components),
    /// Make a token for each component, as lines for `.env`: `host-adapter adapter-tokens >> .env`.
    AdapterTokens,
    /// Apply, show, revert or create database migrations, service by service.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// List the messages that wait or are not deliverable, show one, deliver it again, or discard it.
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Compile the components into the cache; `up` does that itself, by this command.
    #[command(hide = true)]
    Compile,
    /// Make a service that works, to be changed: its code, table, grants, manifest and test.
    NewService(new_service::Options),
    /// Print the URL of the database in use, for psql: `psql "$(host-adapter database-url)"`.
    DatabaseUrl,
    /// Seal a request body for a service, as an outside caller would.
    Seal(envelope::Seal),
    /// Open a sealed answer.
    Open(envelope::Open),
    /// Send a sealed request to a service and print its answer, opened.
    Call(call::Call),
    /// Rotate, generate and list keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Say what keeps the project from working here, and what to do about it. It changes nothing.
    Doctor(doctor::Doctor),
    /// Look at the settings.
    #[command(subcommand)]
    Config(config::Config),
}

/// Everything that a command starts from.
#[derive(Clone)]
struct Invocation {
    project: PathBuf,
    /// The settings file, relative to the project.
    file: PathBuf,
    environment: Environment,
    settings: Settings,
    log: LogHandle,
    /// Records traces, for a command that serves.
    traces: Option<Traces>,
}

/// The components that have grants.
fn component_names(settings: &Settings) -> BTreeSet<String> {
    settings.components.keys().cloned().collect()
}

/// The invocation in force. A reload replaces it. Clones share it.
#[derive(Clone)]
struct Current(Arc<RwLock<Arc<Invocation>>>);

impl Current {
    fn new(invocation: Invocation) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(invocation))))
    }

    fn get(&self) -> Arc<Invocation> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    fn set(&self, invocation: Arc<Invocation>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = invocation;
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            // Nothing more can be done when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "host-adapter: {error:#}");
            let config = error.downcast_ref::<ConfigError>().is_some();
            if config {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let project = std::path::absolute(&arguments.project)?;
    let environment = Environment::load(&project)?;
    let settings = Settings::load(&project, &arguments.config, &environment)?;
    // The only provider that is compiled in; a second call finds the first one's.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Until the end of the command: it writes what waits when it is dropped.
    let (log, traces) = log::start(&settings, &environment, &arguments.command)?;
    let invocation = Invocation {
        project,
        file: arguments.config,
        environment,
        settings,
        log: log.handle(),
        traces: traces.clone(),
    };
    let result = execute(arguments.command, invocation);
    if let Some(traces) = traces {
        traces.stop();
    }
    result
}

fn execute(command: Command, invocation: Invocation) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(options) => runtime()?.block_on(up::run(&options, invocation)),
        Command::Serve(options) => runtime()?.block_on(serve::run(&options, invocation)),
        Command::Reload(options) => runtime()?.block_on(components::reload(&options, &invocation)),
        Command::Components(options) => {
            runtime()?.block_on(components::components(&options, &invocation))
        }
        Command::Health => runtime()?.block_on(health::run(&invocation)),
        Command::AdapterTokens => adapter_tokens::run(&invocation),
        Command::Migrate(command) => runtime()?.block_on(migrate::run(command, invocation)),
        Command::Outbox(command) => runtime()?.block_on(outbox::run(command, invocation)),
        Command::Compile => up::compile(&invocation),
        Command::NewService(options) => new_service::run(&options, &invocation),
        Command::DatabaseUrl => runtime()?.block_on(database::database_url(&invocation)),
        Command::Seal(command) => envelope::seal(&command, &invocation),
        Command::Open(command) => envelope::open(&command, &invocation),
        Command::Call(command) => runtime()?.block_on(call::run(command, &invocation)),
        Command::Keys(command) => keys::run(&command, &invocation),
        Command::Doctor(options) => {
            return runtime()?.block_on(doctor::run(&options, &invocation));
        }
        Command::Config(command) => config::run(&command, &invocation),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Writes a line to standard output. Fails if that is a closed pipe.
fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
