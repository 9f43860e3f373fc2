//! The embedded component host: Spin's manifest, wasmtime, HTTP.
//!
//! wasmtime's WASI 0.3 is young and its interfaces still move, so wasmtime is used in this crate and
//! nowhere else. What a component may call is an [`adapter_contract::Adapter`]; this crate does not
//! know what is behind it. Only `host-adapter` depends on it.

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

use application::{Application, Workshop};
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

/// Applications, each bound to its listener and not yet serving.
pub struct Host {
    applications: Vec<(Application, TcpListener)>,
    settings: HostSettings,
    stopping: CancellationToken,
}

impl Host {
    /// Loads every application (a manifest and the listener it is to be served on).
    ///
    /// `adapters` are by component id; `environment` finds an environment variable, `.env`
    /// included.
    ///
    /// # Errors
    ///
    /// What is wrong with a manifest or a component, for the person who starts it.
    pub fn load(
        applications: Vec<(PathBuf, TcpListener)>,
        adapters: &HashMap<String, Arc<dyn Adapter>>,
        settings: &HostSettings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let engine = engine::engine(settings)?;
        let linker = engine::linker(&engine)?;
        let stopping = CancellationToken::new();
        let mut workshop = Workshop {
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
            loaded.push((Application::load(&manifest, &mut workshop)?, listener));
        }
        Ok(Self {
            applications: loaded,
            settings: settings.clone(),
            stopping,
        })
    }

    /// Serves until `shutdown`, and returns when the last request is answered.
    ///
    /// # Errors
    ///
    /// When the system gives no further thread.
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
                    Server::new(application.run(thread), settings.clone(), requests.clone())
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

/// Compiles the components of `manifests` into the cache, and does nothing else.
///
/// For a process that ends afterwards: the compiler takes a hundred megabytes, which the allocator
/// does not give back to the system, and which a server would drag along for all its life.
///
/// # Errors
///
/// What is wrong with a manifest or a component.
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

/// The manifest of one service on its own, beside the application's.
#[must_use]
pub fn service_manifest(project: &Path, service: &str) -> PathBuf {
    project.join("components").join(service).join("spin.toml")
}
