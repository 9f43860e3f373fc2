//! `host-adapter up`: everything in one process, from the database to the listeners.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf, process::Stdio, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};

use super::{
    Current, Invocation,
    mongodb::MongoDb,
    operation,
    reloader::Reloader,
    run::{self, Banner, Mode, PeerUrl, Running},
    watch::Watch,
};
use crate::{checks, config::Settings};
use adapter_component_host::{self as component_host, Host, Source};
use adapter_contract::Adapter;
use adapter_listening::Stop;
use adapter_logging::{LogLevel, LogSettings};

/// The listener of the whole application among the services' own.
const APPLICATION: &str = "app";

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
    let listen = &invocation.settings.listen;
    let application = Listener::bind(APPLICATION, listen.app).await?;
    let mut services = Vec::new();
    for (service, address) in &listen.services {
        services.push(Listener::bind(service, *address).await?);
    }
    let listeners = Listeners {
        watch: options.watch,
        application,
        services,
    };
    run::run(listeners, &options.mongodb, invocation).await
}

/// The application's listener, and those of services that are also served alone.
struct Listeners {
    watch: bool,
    application: Listener,
    services: Vec<Listener>,
}

/// A manifest's name and what it is served on.
struct Listener {
    name: String,
    address: SocketAddr,
    socket: TcpListener,
}

impl Listener {
    async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let socket = run::bind(&format!("listen.{name}"), address).await?;
        Ok(Self {
            name: name.to_owned(),
            address: socket.local_addr()?,
            socket,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Mode for Listeners {
    /// The host, and whether files are watched.
    type Server = (Host, bool);

    const HOST: checks::Host = checks::Host::Embedded;

    /// A peer without a URL is at its own listener, or else within the application.
    fn peer_url(&self) -> PeerUrl {
        let application = self.application.url();
        let services = self.services.iter();
        let services = services.map(|listener| (listener.name.clone(), listener.url()));
        let services: HashMap<String, String> = services.collect();
        Arc::new(move |_, peer| Some(services.get(peer).unwrap_or(&application).clone()))
    }

    async fn prepare(&self, invocation: &Invocation) {
        compile_in_subprocess(invocation).await;
    }

    fn banner(&self, settings: &Settings) -> Banner {
        let services = self.services.iter();
        let services = services.map(|listener| (listener.name.clone(), listener.url()));
        let application = ("all routes".to_owned(), self.application.url());
        Banner {
            title: "Spindle is up",
            before: std::iter::once(application).chain(services).collect(),
            after: Vec::new(),
            hint: hint(&self.application.url(), settings.production),
        }
    }

    fn load(
        self,
        current: &Current,
        adapters: HashMap<String, Arc<dyn Adapter>>,
    ) -> anyhow::Result<(Host, bool)> {
        let invocation = current.get();
        let watch = self.watch;
        let listeners = std::iter::once(self.application).chain(self.services);
        let sources = listeners.map(|listener| Source {
            manifest: manifest(&invocation, &listener.name),
            listener: listener.name,
            socket: listener.socket,
        });
        let current = current.clone();
        let environment = Arc::new(move |name: &str| variable(&current.get(), name));
        let host = Host::load(
            sources.collect(),
            adapters,
            &invocation.settings.host,
            environment,
        )?;
        Ok((host, watch))
    }

    async fn serve(
        (host, watch): (Host, bool),
        running: Running,
        stop: Stop,
    ) -> anyhow::Result<usize> {
        let invocation = running.current.get();
        let settings = &invocation.settings;
        let announcement = running.clone();
        let reloader = Reloader::new(host.handle(), running);
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
        operation::start(&mut tasks, socket, handler, &stop.shutdown, on_hangup).await;
        if watch {
            let watch = Watch::start(reloader.clone())?;
            tasks.spawn(watch.run(stop.shutdown.clone()));
        }
        announcement.announce(Some(reloader))?;
        host.run(settings.listening, stop).await
    }
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

fn manifest(invocation: &Invocation, name: &str) -> PathBuf {
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
