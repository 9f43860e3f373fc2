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
mod settings;
mod spin_variables;
mod state;
mod variables;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use application::{Application, Workshop};
use manifest::Manifest;
use server::Server;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use adapter_contract::Adapter;
use adapter_listening::{ListeningSettings, Serve};
pub use settings::HostSettings;

/// Applications, each bound to its listener and not yet serving.
pub struct Host {
    applications: Vec<(Application, TcpListener)>,
    max_requests: usize,
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
            max_requests: settings.max_requests,
            stopping,
        })
    }

    /// Serves until `shutdown`, and returns when the last request is answered.
    ///
    /// # Errors
    ///
    /// When the system gives no further thread.
    pub async fn run(
        self,
        listening: ListeningSettings,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let Self {
            applications,
            max_requests,
            stopping,
        } = self;
        let (applications, sockets): (Vec<Application>, Vec<TcpListener>) =
            applications.into_iter().unzip();
        let limit = || Arc::new(Semaphore::new(max_requests));
        let limits: Vec<Arc<Semaphore>> = applications.iter().map(|_| limit()).collect();
        let servers = |thread| {
            let applications = applications.iter().zip(&limits);
            applications
                .map(|(application, requests)| -> Arc<dyn Serve> {
                    let running = application.run(thread);
                    Server::new(running, listening.header_timeout, requests.clone())
                })
                .collect()
        };
        adapter_listening::run(sockets, servers, listening, &shutdown, &stopping).await
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
