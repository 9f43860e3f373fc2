//! Accepting connections and serving them on threads: what the component host and the sidecar's API
//! have in common, and nothing of either.

mod listener;
mod threads;

use std::{
    future::Future, net::SocketAddr, pin::Pin, sync::Arc, thread::JoinHandle, time::Duration,
};

use hyper_util::server::graceful::Watcher;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use listener::Listener;
use threads::Thread;

/// Serves the connections of one listener, on one thread.
pub(crate) trait Serve: Send + Sync {
    /// Serves one connection until either side closes it. `watcher` is told of it, so that it is
    /// closed between two requests when the process stops.
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// How much is accepted, and how long clients may take. `config` documents each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Threads that serve.
    pub(crate) threads: usize,
    /// Connections of one listener.
    pub(crate) max_connections: usize,
    /// Time for a client to take what was sent.
    pub(crate) write_timeout: Duration,
    /// Time for requests in flight at the end.
    pub(crate) shutdown_timeout: Duration,
}

/// Serves `sockets` until `shutdown`, and returns when the last request is answered.
///
/// `servers` is called once per thread and gives a server for each socket, in the same order.
/// `stopping` is set when nothing is accepted any more.
///
/// # Errors
///
/// When the system gives no further thread.
pub(crate) async fn run(
    sockets: Vec<TcpListener>,
    servers: impl Fn() -> Vec<Arc<dyn Serve>>,
    bounds: Bounds,
    shutdown: &CancellationToken,
    stopping: &CancellationToken,
) -> anyhow::Result<()> {
    let threads = (0..bounds.threads)
        .map(|number| Thread::start(number, servers(), bounds))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut listeners = JoinSet::new();
    for (server, socket) in sockets.into_iter().enumerate() {
        let listener = Listener {
            socket,
            server,
            threads: threads
                .iter()
                .map(|thread| thread.connections.clone())
                .collect(),
            max_connections: bounds.max_connections,
        };
        listeners.spawn(listener.run(shutdown.clone()));
    }
    while listeners.join_next().await.is_some() {}
    stopping.cancel();
    let handles: Vec<_> = threads.into_iter().map(|thread| thread.handle).collect();
    let join = || {
        handles
            .into_iter()
            .map(JoinHandle::join)
            .all(|result| result.is_ok())
    };
    let orderly = tokio::task::spawn_blocking(join).await?;
    anyhow::ensure!(orderly, "a thread panicked");
    Ok(())
}

/// Binds a listener.
///
/// # Errors
///
/// What the system said; the caller knows which setting the address came from.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
