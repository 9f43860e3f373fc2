//! Accepts connections and hands them to the threads that serve them.
//!
//! The component host and the adapter's API share this crate. It does not know them or their
//! protocols, and depends on no other crate of Spindle but `adapter-settings`.

mod addresses;
mod listener;
mod pace;
mod settings;
mod stop;
mod threads;
mod watcher;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    thread::JoinHandle,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub use addresses::{PerClient, Place};
use listener::Listener;
pub use pace::{Pace, PacedStream};
pub use settings::ListeningSettings;
pub use stop::{Stop, close_after};
use threads::Thread;
pub use watcher::Watcher;

/// The largest head of a request, in bytes; a larger one is answered 431. Browsers and proxies send a few
/// kilobytes, and a client holds as much memory before it is known.
pub const MAX_HEAD: usize = 32 << 10;

/// Serves the connections of one listener, on one thread.
pub trait Serve: Send + Sync {
    /// Whether many clients share `address`, so that limits of one client do not hold for it. By default,
    /// only programs on this machine do, such as a proxy.
    fn is_shared(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback()
    }

    /// Serves one connection until either side closes it. `watcher` closes it, or says when to close it,
    /// between two requests when the process stops.
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Serves `sockets` until `stop`. Returns when the last request is answered or the time for that is over, with
/// the number of requests that were cut off.
///
/// `servers` is called once per thread with the thread's number (from 0), and returns a server for each
/// socket in the same order. `stopping` is cancelled when open connections are to be closed.
///
/// # Errors
///
/// A thread cannot be started, or has panicked.
pub async fn run(
    sockets: Vec<TcpListener>,
    servers: impl Fn(usize) -> Vec<Arc<dyn Serve>>,
    settings: ListeningSettings,
    stop: &Stop,
    stopping: &CancellationToken,
) -> anyhow::Result<usize> {
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
            per_client: PerClient::new(settings.max_connections_per_client),
        };
        listeners.spawn(listener.run(stop.clone()));
    }
    while listeners.join_next().await.is_some() {}
    stopping.cancel();
    let handles: Vec<_> = threads.into_iter().map(|thread| thread.handle).collect();
    let join = || handles.into_iter().map(JoinHandle::join).sum();
    let cut_off: std::thread::Result<usize> = tokio::task::spawn_blocking(join).await?;
    cut_off.map_err(|_| anyhow::anyhow!("a serving thread panicked"))
}

/// Binds a listener.
///
/// # Errors
///
/// The system's error. The caller adds the setting that the address came from.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
