//! The management port: whether the process works, what it measures, and a page for operators.
//!
//! It has a thread, a runtime and limits of its own, so it answers when every other port is full. It
//! learns everything from [`adapter_telemetry`] and from an [`Operations`], which `host-adapter`
//! implements. Only `host-adapter` depends on this crate.

mod health;
mod listener;
mod metrics;
mod operations;
mod page;
mod settings;

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::Context as _;
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use adapter_telemetry::traces::Store;
pub use health::{Dependency, OutboxDepth, Readiness};
pub use operations::{Change, Message, Migration, Operations, Reload, ServedComponent};
pub use page::Access;
use page::Samples;
pub use settings::ManagementSettings;

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
    operations: OnceLock<(Arc<dyn Operations>, Arc<Store>)>,
    pub(crate) access: Access,
    pub(crate) samples: Samples,
}

impl State {
    /// The process and its traces, once it serves.
    pub(crate) fn running(&self) -> Option<&(Arc<dyn Operations>, Arc<Store>)> {
        self.operations.get()
    }

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
    pub fn start(settings: &ManagementSettings, access: Access) -> anyhow::Result<Self> {
        let socket = std::net::TcpListener::bind(settings.address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let state = Arc::new(State {
            phase: AtomicU8::new(0),
            operations: OnceLock::new(),
            access,
            samples: Samples::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let router = router(state.clone());
        let (stopped, limit) = (stop.clone(), settings.max_connections);
        let sampled = state.clone();
        let run = move || {
            runtime.block_on(async {
                tokio::spawn(sample(sampled));
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
    pub fn serve(&self, operations: Arc<dyn Operations>, traces: Arc<Store>) {
        // A second call would come from a second start, which does not exist.
        let _ = self.state.operations.set((operations, traces));
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

/// Takes samples for the charts.
async fn sample(state: Arc<State>) {
    let mut interval = tokio::time::interval(page::INTERVAL);
    loop {
        interval.tick().await;
        state.samples.take();
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/live", get(health::live))
        .route("/ready", get(health::ready))
        .route("/health", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .merge(page::router(&state))
        .with_state(state)
}
