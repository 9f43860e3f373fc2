//! The management port: whether the process works, what it measures, and a page for operators.
//!
//! It has a thread, a runtime and limits of its own, so it answers when every other port is full. It
//! learns everything from [`adapter_telemetry`] and from an [`Operations`], which `host-adapter`
//! implements. Only `host-adapter` depends on this crate.

mod health;
mod listener;
mod metrics;
mod settings;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::Context as _;
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use health::{Dependency, Readiness};
pub use settings::ManagementSettings;

/// What the management port shows and does.
#[async_trait::async_trait]
pub trait Operations: Send + Sync {
    /// Checks everything that the process needs.
    async fn readiness(&self) -> Readiness;
}

/// Where the process is between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Databases and components are being prepared.
    Starting,
    /// Requests are served.
    Serving,
    /// Requests in flight are finished; new ones are not accepted.
    Stopping,
}

impl Phase {
    /// The phase as a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Stopping => "stopping",
        }
    }
}

/// What all requests of the port share.
pub(crate) struct State {
    phase: AtomicU8,
    operations: std::sync::OnceLock<Arc<dyn Operations>>,
}

impl State {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Stopping,
        }
    }
}

/// The running management port.
pub struct Management {
    state: Arc<State>,
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Management {
    /// Binds the port and serves on a thread of its own. Until [`Management::serve`], the process is
    /// alive but not ready.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, or the thread cannot be started.
    pub fn start(settings: &ManagementSettings) -> anyhow::Result<Self> {
        let socket = std::net::TcpListener::bind(settings.address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let state = Arc::new(State {
            phase: AtomicU8::new(0),
            operations: std::sync::OnceLock::new(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let router = router(state.clone());
        let (stopped, limit) = (stop.clone(), settings.max_connections);
        let run = move || {
            runtime.block_on(async {
                match TcpListener::from_std(socket) {
                    Ok(socket) => listener::run(socket, router, limit, stopped).await,
                    Err(error) => tracing::error!("the management port does not answer: {error}"),
                }
            });
        };
        let thread = std::thread::Builder::new().name("management".into());
        Ok(Self {
            state,
            address,
            stop,
            thread: Some(
                thread
                    .spawn(run)
                    .context("starting the thread `management`")?,
            ),
        })
    }

    /// The address that it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process serves from now on.
    pub fn serve(&self, operations: Arc<dyn Operations>) {
        // A second call would come from a second start, which does not exist.
        let _ = self.state.operations.set(operations);
        self.enter(Phase::Serving);
    }

    /// The process finishes its last requests from now on, and is not ready for others.
    pub fn stopping(&self) {
        self.enter(Phase::Stopping);
    }

    fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::Starting => 0,
            Phase::Serving => 1,
            Phase::Stopping => 2,
        };
        self.state.phase.store(number, Ordering::Relaxed);
    }
}

impl Drop for Management {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It has panicked, which the panic itself has reported.
            let _ = thread.join();
        }
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/live", get(health::live))
        .route("/ready", get(health::ready))
        .route("/health", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .with_state(state)
}
