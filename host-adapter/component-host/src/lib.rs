//! The embedded component host: Spin's manifest, wasmtime, HTTP.
//!
//! wasmtime's support for WASI 0.3 is young and its interfaces still change, so only this crate uses
//! it. Components call an [`adapter_contract::Adapter`]; this crate does not know its implementation.
//! Only `host-adapter` depends on this crate.

mod adapter;
mod application;
mod component;
mod engine;
mod imports;
pub mod manifest;
mod metrics;
mod outbound;
mod output;
mod problem;
mod request;
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

use application::{Application, Loader};
use manifest::Manifest;
use server::Server;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use adapter_contract::Adapter;
use adapter_listening::{ListeningSettings, Serve};
pub use imports::Imports;
pub use problem::PROBLEMS;
pub use settings::HostSettings;

/// Loaded applications with their listeners, not yet serving.
pub struct Host {
    applications: Vec<(Application, TcpListener)>,
    max_requests: usize,
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
            max_requests: settings.max_requests,
            stopping,
        })
    }

    /// Serves until `shutdown` is cancelled, and returns when the last request is answered.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or has panicked.
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
                    let application = application.on_thread(thread);
                    Server::new(application, listening.header_timeout, requests.clone())
                })
                .collect()
        };
        adapter_listening::run(sockets, servers, listening, &shutdown, &stopping).await
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

/// The path of the manifest that serves one service alone. The file may be missing; see [`Manifest::read`].
#[must_use]
pub fn service_manifest(project: &Path, service: &str) -> PathBuf {
    project.join("components").join(service).join("spin.toml")
}
