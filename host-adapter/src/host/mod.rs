//! The embedded component host: Spin's manifest, wasmtime, HTTP.
//!
//! wasmtime's WASI 0.3 is young and its interfaces still move; they are used in this folder and in
//! `bindings` and nowhere else.

mod application;
mod component;
mod engine;
pub mod manifest;
mod problem;
mod router;
mod server;
mod state;
mod variables;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use application::{Application, Workshop};
use server::Server;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::capabilities::Capabilities;

/// Bounds of the host. `config` documents each and gives the defaults.
#[derive(Debug, Clone)]
pub struct HostSettings {
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
    servers: Vec<(Arc<Server>, TcpListener)>,
}

impl Host {
    /// Loads every application (a manifest and the listener it is to be served on).
    ///
    /// `capabilities` are by component id; `environment` finds an environment variable, `.env`
    /// included.
    ///
    /// # Errors
    ///
    /// What is wrong with a manifest or a component, for the person who starts it.
    pub fn load(
        applications: Vec<(PathBuf, TcpListener)>,
        capabilities: &HashMap<String, Arc<Capabilities>>,
        settings: &HostSettings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let engine = engine::engine(settings)?;
        let linker = engine::linker(&engine)?;
        let mut workshop = Workshop {
            engine: &engine,
            linker: &linker,
            settings,
            capabilities,
            environment,
            compiled: HashMap::new(),
        };
        let mut servers = Vec::new();
        for (manifest, listener) in applications {
            let application = Application::load(&manifest, &mut workshop)?;
            servers.push((Server::new(application, settings.clone()), listener));
        }
        Ok(Self { servers })
    }

    /// Serves until `shutdown`, and returns when the last request is answered.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        for (server, listener) in self.servers {
            tasks.spawn(server.run(listener, shutdown.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Binds a listener.
///
/// # Errors
///
/// What the system said; the caller knows which setting the address came from.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// The manifest of one service on its own, beside the application's.
#[must_use]
pub fn service_manifest(project: &Path, service: &str) -> PathBuf {
    project.join("components").join(service).join("spin.toml")
}
