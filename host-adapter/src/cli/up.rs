//! `host-adapter up`: everything in one process, from the database to the listeners.

use std::{collections::HashMap, path::PathBuf, process::Stdio, sync::Arc};

use tokio::task::JoinSet;

use super::{
    Current, Invocation,
    mongodb::MongoDb,
    operation,
    reloader::Reloader,
    run::{self, Banner, Mode, PeerUrl, Running},
    servers::Servers,
    sockets::{APPLICATION, Sockets},
    watch::Watch,
};
use crate::{checks, config::Settings};
use adapter_component_host::{self as component_host, Adapters, Host};
use adapter_contract::Adapter;
use adapter_listening::Stop;
use adapter_logging::{LogLevel, LogSettings};

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Up {
    #[command(flatten)]
    mongodb: MongoDb,
    /// Build and swap a component when one of its files changes; take up changed manifests, settings and
    /// migrations.
    #[arg(long)]
    watch: bool,
}

/// Serves until Ctrl-C or SIGTERM.
pub(super) async fn run(options: &Up, invocation: Invocation) -> anyhow::Result<()> {
    let sockets = Sockets::bind(&invocation.settings.listen, None).await?;
    let embedded = Embedded {
        watch: options.watch,
        sockets: Arc::new(sockets),
    };
    run::run(embedded, &options.mongodb, invocation).await
}

/// The embedded host.
struct Embedded {
    watch: bool,
    sockets: Arc<Sockets>,
}

/// What it serves with.
struct Loaded {
    host: Host,
    sockets: Arc<Sockets>,
    watch: bool,
}

impl Mode for Embedded {
    type Server = Loaded;

    const HOST: checks::Host = checks::Host::Embedded;

    fn peer_url(&self) -> PeerUrl {
        self.sockets.peer_url()
    }

    async fn prepare(&self, invocation: &Invocation) {
        compile_in_subprocess(invocation).await;
    }

    fn banner(&self, settings: &Settings) -> Banner {
        Banner {
            title: "Spindle is up",
            before: self.sockets.urls(),
            after: Vec::new(),
            hint: hint(&self.sockets.application(), settings.production),
        }
    }

    fn load(
        self,
        current: &Current,
        adapters: HashMap<String, Arc<dyn Adapter>>,
    ) -> anyhow::Result<Loaded> {
        let Self { watch, sockets } = self;
        let host = load(current, &sockets, adapters)?;
        Ok(Loaded {
            host,
            sockets,
            watch,
        })
    }

    async fn serve(loaded: Loaded, running: Running, stop: Stop) -> anyhow::Result<usize> {
        let Loaded {
            host,
            sockets,
            watch,
        } = loaded;
        let invocation = running.current.get();
        let settings = &invocation.settings;
        let announcement = running.clone();
        let listening = settings.listening;
        let (servers, runner) = Servers::new(host, sockets, listening, stop.clone());
        let reloader = Reloader::new(servers, running);
        let mut tasks = JoinSet::new();
        let on_hangup = {
            let reloader = reloader.clone();
            move || {
                let reloader = reloader.clone();
                // What came of it is in the log.
                async move { drop(reloader.reload(None, "SIGHUP").await) }
            }
        };
        let (socket, handler) = (&settings.control.socket, reloader.handler());
        let control = operation::start(&mut tasks, socket, handler, &stop.shutdown, on_hangup);
        reloader.answers_at_control_socket(control.await);
        if watch {
            let watch = Watch::start(reloader.clone())?;
            tasks.spawn(watch.run(stop.shutdown.clone()));
        }
        announcement.announce(Some(reloader))?;
        runner.run().await
    }
}

/// Loads what the manifests describe, to accept from `sockets`.
pub(super) fn load(
    current: &Current,
    sockets: &Sockets,
    adapters: Adapters,
) -> anyhow::Result<Host> {
    let invocation = current.get();
    let sources = sockets.sources(&invocation)?;
    let current = current.clone();
    let environment = Arc::new(move |name: &str| variable(&current.get(), name));
    Host::load(sources, adapters, &invocation.settings.host, environment)
}

/// A request to try.
fn hint(url: &str, production: bool) -> String {
    if production {
        return format!("Try:  curl -s {url}/health\n");
    }
    format!(
        "Plain bodies are accepted because `PRODUCTION` is not set. Try:\n\n  \
         curl -s {url}/api/v1/users/register -H 'Content-Type: application/json' \\\n    \
         -d '{{\"username\": \"ada\", \"email\": \"ada@example.com\", \"password\": \"correct horse\"}}'\n"
    )
}

/// Compiles what is not in the cache yet, in a process of its own; see [`component_host::compile`].
pub(super) async fn compile_in_subprocess(invocation: &Invocation) {
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut command = tokio::process::Command::new(program);
    command
        .arg("compile")
        .arg("--project")
        .arg(&invocation.project);
    command
        .arg("--config")
        .arg(&invocation.file)
        .stdin(Stdio::null());
    // What is wrong with a component is found again by this process, which reports it better.
    let _ = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
}

/// The other side of [`compile_in_subprocess`].
pub(super) fn compile(invocation: &Invocation) -> anyhow::Result<()> {
    component_host::compile(&manifests(invocation), &invocation.settings.host)
}

/// The manifests of all listeners, the application's first.
pub(super) fn manifests(invocation: &Invocation) -> Vec<PathBuf> {
    let services = invocation.settings.listen.services.keys();
    let names = std::iter::once(APPLICATION).chain(services.map(String::as_str));
    names.map(|name| manifest(invocation, name)).collect()
}

/// The manifest that a listener serves.
pub(super) fn manifest(invocation: &Invocation, name: &str) -> PathBuf {
    if name == APPLICATION {
        invocation.project.join("spin.toml")
    } else {
        component_host::service_manifest(&invocation.project, name)
    }
}

/// Application variables are looked for where Spin looks, and two of them under the names that
/// the adapter itself goes by.
fn variable(invocation: &Invocation, name: &str) -> Option<String> {
    if let Some(value) = invocation.environment.get(name) {
        return Some(value.to_owned());
    }
    match name {
        "SPIN_VARIABLE_PRODUCTION" => Some(invocation.settings.production.to_string()),
        "SPIN_VARIABLE_LOG_LEVEL" => Some(component_level(&invocation.settings.log)),
        _ => None,
    }
}

/// The level of all components. If one of them has a lower one of its own, all write its lines, and the
/// log keeps those that are asked for.
fn component_level(settings: &LogSettings) -> String {
    let levels = settings.components.values().copied();
    levels.fold(settings.level, LogLevel::min).name().to_owned()
}
