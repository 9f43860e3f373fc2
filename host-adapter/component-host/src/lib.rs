//! The embedded component host: Spin's manifest, wasmtime, HTTP.
//!
//! wasmtime's support for WASI 0.3 is young and its interfaces still change, so only this crate uses
//! it. Components call an [`adapter_contract::Adapter`]; this crate does not know its implementation.
//! Only `host-adapter` depends on this crate.

mod adapter;
mod answer_body;
mod application;
mod check;
mod client_address;
mod component;
mod cors;
mod draft;
mod engine;
#[cfg(test)]
mod fuzz;
mod handle;
mod hosted;
mod http_functions;
mod imports;
mod limits;
mod loader;
pub mod manifest;
mod metrics;
mod outbound;
mod output;
mod problem;
mod quota;
mod reload;
mod report;
mod request;
mod request_body;
mod router;
mod seats;
mod server;
mod serving;
mod settings;
mod spin_variables;
mod state;
mod trusted_proxies;
mod variables;
mod work;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use application::Application;
use client_address::ClientAddresses;
use hosted::{Hosted, ServedApplication};
use limits::Limits;
use loader::Loader;
use manifest::Manifest;
use server::Server;
use tokio::net::TcpListener;

use adapter_contract::Adapter;
use adapter_listening::{ListeningSettings, Serve, Stop};
pub use handle::HostHandle;
pub use imports::Imports;
pub use problem::PROBLEMS;
pub use report::{Change, Outcome, Report, ServedComponent};
pub use settings::HostSettings;
pub use trusted_proxies::TrustedProxies;

/// What is given to each component, by its id.
pub type Adapters = HashMap<String, Arc<dyn Adapter>>;

/// Looks up an environment variable, in the process's environment or in `.env`.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A manifest, and the listener that serves it.
#[derive(Debug)]
pub struct Source {
    /// The listener's name.
    pub listener: String,
    /// The path of the manifest.
    pub manifest: PathBuf,
    /// The listener.
    pub socket: TcpListener,
}

/// Loaded applications with their listeners, not yet serving.
pub struct Host {
    hosted: Arc<Hosted>,
    sockets: Vec<TcpListener>,
}

impl Host {
    /// Loads every application.
    ///
    /// # Errors
    ///
    /// A manifest or a component is not valid; the text says what to change.
    pub fn load(
        sources: Vec<Source>,
        adapters: Adapters,
        settings: &HostSettings,
        environment: Environment,
    ) -> anyhow::Result<Self> {
        let loader = Loader::new(settings, environment)?;
        let mut load = loader.load(&adapters);
        let (mut applications, mut sockets) = (Vec::new(), Vec::new());
        for source in sources {
            let application = Application::load(&source.manifest, &mut load)?;
            applications.push(ServedApplication::new(
                source.listener,
                source.manifest,
                application,
            ));
            sockets.push(source.socket);
        }
        drop(load);
        let hosted = Hosted {
            loader,
            applications,
            adapters: tokio::sync::Mutex::new(Arc::new(adapters)),
        };
        Ok(Self {
            hosted: Arc::new(hosted),
            sockets,
        })
    }

    /// A handle that shows and replaces what is served, also while [`run`](Self::run) serves it.
    #[must_use]
    pub fn handle(&self) -> HostHandle {
        HostHandle::new(self.hosted.clone())
    }

    /// Checks that every component answers its own health route.
    ///
    /// # Errors
    ///
    /// The first one that does not, and why.
    pub async fn check(&self) -> anyhow::Result<()> {
        reload::check_all(&self.hosted).await
    }

    /// Serves until `stop`. Returns when the last request is answered or the time for that is over, with the
    /// number of requests that were cut off.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or has panicked.
    pub async fn run(self, listening: ListeningSettings, stop: Stop) -> anyhow::Result<usize> {
        let Self { hosted, sockets } = self;
        let applications = hosted.applications.iter();
        let components = applications.map(|served| served.current().templates.len());
        let components: usize = components.sum();
        hosted.loader.seats.reserve(components * listening.threads);
        let limit = |_| Limits::new(&hosted.loader.settings);
        let limits: Vec<Limits> = sockets.iter().map(limit).collect();
        let addresses = Arc::new(ClientAddresses::new(
            hosted.loader.settings.trusted_proxies.clone(),
        ));
        let servers = |thread| {
            let applications = hosted.applications.iter().zip(&limits);
            applications
                .map(|(application, limits)| -> Arc<dyn Serve> {
                    let application = application.on_thread(thread);
                    Server::new(
                        application,
                        listening,
                        limits.clone(),
                        addresses.clone(),
                        stop.draining.clone(),
                    )
                })
                .collect()
        };
        let check = tokio::spawn(reload::check_first(hosted.clone()));
        let stopping = &hosted.loader.stopping;
        let result = adapter_listening::run(sockets, servers, listening, &stop, stopping).await;
        check.abort();
        result
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
