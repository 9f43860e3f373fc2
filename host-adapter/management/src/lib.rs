//! The management port: whether the process works, what it measures, and a page for operators.
//!
//! It has a thread, a runtime and limits of its own, so it answers when every other port is full. It
//! learns everything from [`adapter_telemetry`] and from an [`Operations`], which `host-adapter`
//! implements. Only `host-adapter` depends on this crate.

mod bound;
mod health;
mod listener;
mod metrics;
mod operations;
mod page;
mod settings;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU8, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::Context as _;
use axum::{Router, routing::get};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use adapter_telemetry::traces::Store;
pub use bound::Bound;
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
    access: RwLock<Access>,
    pub(crate) samples: Samples,
}

impl State {
    /// The process and its traces, once it serves.
    pub(crate) fn running(&self) -> Option<&(Arc<dyn Operations>, Arc<Store>)> {
        self.operations.get()
    }

    /// Who may see the page.
    pub(crate) fn access(&self) -> Access {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        access.clone()
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
    bound: Mutex<Bound>,
    /// Sockets to go on with, each with the number of connections that it takes.
    next: mpsc::UnboundedSender<(std::net::TcpListener, usize)>,
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
        let bound = Bound::new(settings)?;
        let (next, sockets) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            phase: AtomicU8::new(0),
            operations: OnceLock::new(),
            access: RwLock::new(access),
            samples: Samples::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let router = router(state.clone());
        let stopped = stop.clone();
        let sampled = state.clone();
        let run = move || {
            runtime.block_on(async {
                tokio::spawn(sample(sampled));
                bound::listen(sockets, router, stopped).await;
            });
        };
        let thread = std::thread::Builder::new().name("management".into());
        let management = Self {
            state,
            bound: Mutex::new(Bound::of(&bound.socket, settings)?),
            next,
            stop,
            thread: Some(
                thread
                    .spawn(run)
                    .context("starting the thread `management`")?,
            ),
        };
        management.listen(bound);
        Ok(management)
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.bound().socket.local_addr()
    }

    /// Binds the address of `settings`, unless it is the one that is bound, to go on there by [`Self::change`].
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn bind(&self, settings: &ManagementSettings) -> std::io::Result<Bound> {
        let bound = self.bound();
        if bound.settings.address == settings.address {
            return Bound::of(&bound.socket, settings);
        }
        Bound::new(settings)
    }

    /// Goes on with another socket and for other visitors. Open connections stay.
    pub fn change(&self, bound: Bound, access: Access) {
        let visitors = &self.state.access;
        *visitors.write().unwrap_or_else(PoisonError::into_inner) = access;
        self.listen(bound);
    }

    fn listen(&self, mut bound: Bound) {
        if let Some(socket) = bound.accepting.take() {
            // The thread ends only with the process.
            let _ = self.next.send((socket, bound.settings.max_connections));
        }
        *self.bound() = bound;
    }

    fn bound(&self) -> MutexGuard<'_, Bound> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
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
