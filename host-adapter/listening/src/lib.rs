//! Accepts connections and hands them to the threads that serve them.
//!
//! The component host and the adapter's API share it. It knows neither of them, nor what a connection
//! carries, and depends on none of our crates but `adapter-settings`.

mod listener;
mod settings;
mod threads;

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, thread::JoinHandle};

use hyper_util::server::graceful::Watcher;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use listener::Listener;
pub use settings::ListeningSettings;
use threads::Thread;

/// Serves the connections of one listener, on one thread.
pub trait Serve: Send + Sync {
    /// Serves one connection until either side closes it. `watcher` is told of it, so that it is
    /// closed between two requests when the process stops.
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Serves `sockets` until `shutdown`, and returns when the last request is answered.
///
/// `servers` is called once per thread, with the thread's number from 0, and gives a server for each
/// socket, in the same order. `stopping` is set when no further connection is accepted.
///
/// # Errors
///
/// When the system gives no further thread.
pub async fn run(
    sockets: Vec<TcpListener>,
    servers: impl Fn(usize) -> Vec<Arc<dyn Serve>>,
    settings: ListeningSettings,
    shutdown: &CancellationToken,
    stopping: &CancellationToken,
) -> anyhow::Result<()> {
    let threads = (0..settings.threads)
        .map(|number| Thread::start(number, servers(number), settings))
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
            max_connections: settings.max_connections,
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
