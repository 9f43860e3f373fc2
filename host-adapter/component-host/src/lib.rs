//! The embedded component host: Spin's manifest, wasmtime, HTTP.
//!
//! wasmtime's support for WASI 0.3 is young and its interfaces still change, so only this crate uses
//! it. Components call an [`adapter_contract::Adapter`]; this crate does not know its implementation.
//! Only `host-adapter` depends on this crate.

mod adapter;
mod application;
mod component;
mod engine;
pub mod manifest;
mod outbound;
mod problem;
mod router;
mod server;
mod spin_variables;
mod state;
mod variables;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use application::{Application, Loader};
use manifest::Manifest;
use server::Server;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use adapter_contract::Adapter;
use adapter_listening::{Bounds, Serve};

/// Bounds of the host. `config` documents each and gives the defaults.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// Threads that run components.
    pub threads: usize,
    /// Requests after which an instance is replaced.
    pub requests_per_instance: usize,
    /// Requests that one instance handles at once.
    pub concurrency_per_instance: usize,
    /// Instances of all components together.
    pub max_instances: u32,
    /// Idling after which an instance is disposed of.
    pub idle_timeout: Duration,
    /// Linear memory of an instance, in bytes.
    pub memory_per_instance: usize,
    /// Time for a component to begin its answer.
    pub request_timeout: Duration,
    /// Time for a client to send its request's head.
    pub header_timeout: Duration,
    /// Time for a client to take what was sent.
    pub write_timeout: Duration,
    /// Connections of one listener.
    pub max_connections: usize,
    /// Requests in flight on one listener.
    pub max_requests: usize,
    /// Time for requests in flight at the end.
    pub shutdown_timeout: Duration,
    /// Where compiled components are kept.
    pub compilation_cache: PathBuf,
}

/// Loaded applications with their listeners, not yet serving.
pub struct Host {
    applications: Vec<(Application, TcpListener)>,
    settings: HostSettings,
    stopping: CancellationToken,
}

impl Host {
    /// Loads every application, given as its manifest and the listener that serves it.
    ///
    /// `adapters` maps component ids to adapters. `environment` looks up an environment variable,
    /// in the process's environment or in `.env`.
    ///
    /// # Errors
    ///
    /// A manifest or a component is not valid; the text says what to change.
    pub fn load(
        applications: Vec<(PathBuf, TcpListener)>,
        adapters: &HashMap<String, Arc<dyn Adapter>>,
        settings: &HostSettings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let engine = engine::engine(settings)?;
        let linker = engine::linker(&engine)?;
        let stopping = CancellationToken::new();
        let mut loader = Loader {
            engine: &engine,
            linker: &linker,
            settings,
            stopping: &stopping,
            adapters,
            environment,
            compiled: HashMap::new(),
        };
        let mut loaded = Vec::new();
        for (manifest, listener) in applications {
            loaded.push((Application::load(&manifest, &mut loader)?, listener));
        }
        Ok(Self {
            applications: loaded,
            settings: settings.clone(),
            stopping,
        })
    }

    /// Serves until `shutdown` is cancelled, and returns when the last request is answered.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or has panicked.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Self {
            applications,
            settings,
            stopping,
        } = self;
        let (applications, sockets): (Vec<Application>, Vec<TcpListener>) =
            applications.into_iter().unzip();
        let limit = || Arc::new(Semaphore::new(settings.max_requests));
        let limits: Vec<Arc<Semaphore>> = applications.iter().map(|_| limit()).collect();
        let servers = |thread| {
            let applications = applications.iter().zip(&limits);
            applications
                .map(|(application, requests)| -> Arc<dyn Serve> {
                    Server::new(
                        application.on_thread(thread),
                        settings.clone(),
                        requests.clone(),
                    )
                })
                .collect()
        };
        adapter_listening::run(sockets, servers, settings.bounds(), &shutdown, &stopping).await
    }
}

impl HostSettings {
    fn bounds(&self) -> Bounds {
        Bounds {
            threads: self.threads,
            max_connections: self.max_connections,
            write_timeout: self.write_timeout,
            shutdown_timeout: self.shutdown_timeout,
        }
    }
}

/// Compiles the components of `manifests` into the cache.
///
/// Call it in a process that exits afterwards. The compiler allocates about 100 MB, which the
/// allocator does not return to the system, so a server would hold that memory until it exits.
///
/// # Errors
///
/// A manifest or a component is not valid.
pub fn compile(manifests: &[PathBuf], settings: &HostSettings) -> anyhow::Result<()> {
    let engine = engine::engine(settings)?;
    let mut compiled = HashSet::new();
    for path in manifests {
        let manifest = Manifest::read(path)?;
        for (id, component) in &manifest.component {
            let source = manifest.source(id, component)?;
            if compiled.insert(source.canonicalize()?) {
                wasmtime::component::Component::from_file(&engine, source)?;
            }
        }
    }
    Ok(())
}

/// The path of the manifest that serves one service alone.
#[must_use]
pub fn service_manifest(project: &Path, service: &str) -> PathBuf {
    project.join("components").join(service).join("spin.toml")
}
