//! `host-adapter up`: everything in one process, from the database to the listeners.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, process::Stdio};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Invocation, background::Background, database::Database, migrate, mongodb::MongoDb, print,
    shutdown::shutdown_signal,
};
use adapter_capabilities::vault::KeyRing;
use adapter_component_host::{self as component_host, Host, HostSettings};

use crate::{
    assembly::{self, Assembly},
    config::Settings,
};

/// The listener of the whole application among the services' own.
const APPLICATION: &str = "app";

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Up {
    #[command(flatten)]
    mongodb: MongoDb,
}

/// Serves until Ctrl-C or SIGTERM, then finishes what is in flight and stops what it started.
pub(super) async fn run(options: &Up, mut invocation: Invocation) -> anyhow::Result<()> {
    let insists =
        variable(&invocation, "SPIN_VARIABLE_PRODUCTION").is_none_or(|value| value != "false");
    anyhow::ensure!(
        insists || !invocation.settings.production,
        "`PRODUCTION=true` and `SPIN_VARIABLE_PRODUCTION=false` contradict each other"
    );
    // Before anything is started, so that a mistake here costs nothing.
    let listeners = bind_all(&invocation.settings).await?;
    let keys = assembly::keys(&invocation.settings)?;
    let shutdown = shutdown_signal()?;
    let mongodb = options.mongodb.start(&mut invocation).await?;
    let database = Database::open(&invocation).await?;
    let result = serve(&invocation, &database, &keys, listeners, shutdown).await;
    database.close().await;
    if let Some(mongodb) = mongodb {
        mongodb.stop().await;
    }
    result
}

/// A manifest's name and what it is served on.
struct Listener {
    name: String,
    address: SocketAddr,
    socket: TcpListener,
}

async fn serve(
    invocation: &Invocation,
    database: &Database,
    keys: &KeyRing,
    listeners: Vec<Listener>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let assembly = tokio::select! {
        prepared = prepare(invocation, database, keys) => prepared?,
        () = shutdown.cancelled() => return Ok(()),
    };
    locate_peers(&invocation.settings, &assembly, &listeners)?;
    let banner = banner(invocation, database, &assembly, &listeners)?;
    let applications = listeners
        .into_iter()
        .map(|listener| (manifest(invocation, &listener.name), listener.socket))
        .collect();
    let environment = |name: &str| variable(invocation, name);
    let host = Host::load(
        applications,
        &assembly.adapters(),
        &settings(&invocation.settings),
        &environment,
    )?;
    let background = Background::start(assembly, &shutdown);
    print(&banner)?;
    host.run(shutdown).await?;
    background
        .finish(invocation.settings.host.shutdown_timeout)
        .await;
    Ok(())
}

/// A peer without a URL is at its own listener, or else within the application.
fn locate_peers(
    settings: &Settings,
    assembly: &Assembly,
    listeners: &[Listener],
) -> anyhow::Result<()> {
    let named = |name: &str| listeners.iter().find(|listener| listener.name == name);
    for name in settings.peers.keys() {
        if assembly.peers.get(name).is_none()
            && let Some(listener) = named(name).or_else(|| named(APPLICATION))
        {
            let url = format!("http://{}", listener.address).parse()?;
            assembly.peers.set(name, url);
        }
    }
    Ok(())
}

async fn prepare(
    invocation: &Invocation,
    database: &Database,
    keys: &KeyRing,
) -> anyhow::Result<Assembly> {
    let assembly = assembly::assemble(&invocation.settings, &database.admin, keys).await?;
    migrate::all(invocation, &database.admin, assembly.documents.as_ref()).await?;
    compile_apart(invocation).await;
    Ok(assembly)
}

/// Compiles what is not in the cache yet, in a process of its own; see [`component_host::compile`].
async fn compile_apart(invocation: &Invocation) {
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
    // What is wrong with a component is found again by this process, which tells it better.
    let _ = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
}

/// The other side of [`compile_apart`].
pub(super) fn compile(invocation: &Invocation) -> anyhow::Result<()> {
    let services = invocation.settings.listen.services.keys();
    let names = std::iter::once(APPLICATION).chain(services.map(String::as_str));
    let manifests: Vec<PathBuf> = names.map(|name| manifest(invocation, name)).collect();
    component_host::compile(&manifests, &settings(&invocation.settings))
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
        "SPIN_VARIABLE_LOG_LEVEL" => Some(invocation.settings.log.level.name().to_owned()),
        _ => None,
    }
}

async fn bind_all(settings: &Settings) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = vec![bind(APPLICATION, settings.listen.app).await?];
    for (service, address) in &settings.listen.services {
        listeners.push(bind(service, *address).await?);
    }
    Ok(listeners)
}

async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<Listener> {
    let socket = adapter_listening::bind(address).await.with_context(|| {
        let variable = format!("SPINDLE_LISTEN_{}", name.replace('-', "_").to_ascii_uppercase());
        format!("cannot listen on {address}: set `listen.{name}` in adapter.toml, or `{variable}`, to another address")
    })?;
    Ok(Listener {
        name: name.to_owned(),
        address: socket.local_addr()?,
        socket,
    })
}

fn banner(
    invocation: &Invocation,
    database: &Database,
    assembly: &Assembly,
    listeners: &[Listener],
) -> anyhow::Result<String> {
    let mut text = String::from("\nSpindle is up (Ctrl-C stops it)\n\n");
    for listener in listeners {
        let what = if listener.name == APPLICATION {
            "all routes"
        } else {
            &listener.name
        };
        writeln!(text, "  {what:<12} http://{}", listener.address)?;
    }
    writeln!(text, "  {:<12} {}", "PostgreSQL", database.describe())?;
    if let Some(store) = &assembly.documents {
        writeln!(text, "  {:<12} {}", "documents", store.describe())?;
    }
    let app = listeners.first().context("there is no listener")?.address;
    if invocation.settings.production {
        writeln!(text, "\nTry:  curl -s http://{app}/health")?;
    } else {
        writeln!(
            text,
            "\nPlain bodies are accepted because `PRODUCTION` is not set. Try:\n\n  \
             curl -s http://{app}/api/v1/users/register -H 'Content-Type: application/json' \\\n    \
             -d '{{\"username\": \"ada\", \"email\": \"ada@example.com\", \"password\": \"correct horse\"}}'"
        )?;
    }
    Ok(text)
}

fn settings(settings: &Settings) -> HostSettings {
    let host = &settings.host;
    HostSettings {
        threads: host.threads as usize,
        requests_per_instance: host.requests_per_instance as usize,
        concurrency_per_instance: host.concurrency_per_instance as usize,
        max_instances: host.max_instances,
        idle_timeout: host.idle_timeout,
        memory_per_instance: host.memory_per_instance,
        request_timeout: host.request_timeout,
        header_timeout: host.header_timeout,
        write_timeout: host.write_timeout,
        max_connections: host.max_connections as usize,
        max_requests: host.max_requests as usize,
        shutdown_timeout: host.shutdown_timeout,
        compilation_cache: host.compilation_cache.clone(),
    }
}
