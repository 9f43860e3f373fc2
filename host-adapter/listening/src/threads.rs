//! The threads that serve.
//!
//! Each thread has its own runtime, component instances and database connections. An event that a
//! request waits for then wakes only the thread of that request. On two processors, this serves a
//! third more requests than one runtime that moves tasks between threads.

use std::{net::IpAddr, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{ListeningSettings, PerClient, Serve, Watcher};

/// The size of a socket's send buffer, in bytes; Linux doubles it. It is enough for 2.5 MB a second over a
/// distance of 100 ms.
const SEND_BUFFER: usize = 128 << 10;

/// An accepted connection on its way to a thread.
pub(super) struct Connection {
    /// The index of the thread's server that handles it.
    pub(super) server: usize,
    pub(super) stream: std::net::TcpStream,
    /// The address at the other end.
    pub(super) client: IpAddr,
    pub(super) per_client: Arc<PerClient>,
    /// Counts the connection against the listener's limit; dropped when the connection closes.
    pub(super) permit: OwnedSemaphorePermit,
}

/// A running thread. It ends when all its senders are dropped.
pub(super) struct Thread {
    pub(super) connections: mpsc::UnboundedSender<Connection>,
    /// Returns the number of requests that were cut off.
    pub(super) handle: JoinHandle<usize>,
}

impl Thread {
    /// Starts thread `number`, which serves with `servers`. The channel is unbounded, because each
    /// connection in it holds a permit.
    pub(super) fn start(
        number: usize,
        servers: Vec<Arc<dyn Serve>>,
        settings: ListeningSettings,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (connections, receiver) = mpsc::unbounded_channel();
        let run = move || runtime.block_on(serve(receiver, servers, settings));
        let builder = std::thread::Builder::new().name(format!("serve-{number}"));
        let handle = builder.spawn(run).context("starting a serving thread")?;
        Ok(Self {
            connections,
            handle,
        })
    }
}

async fn serve(
    mut connections: mpsc::UnboundedReceiver<Connection>,
    servers: Vec<Arc<dyn Serve>>,
    settings: ListeningSettings,
) -> usize {
    let open = Open {
        graceful: GracefulShutdown::new(),
        closing: CancellationToken::new(),
        count: Arc::default(),
    };
    while let Some(connection) = connections.recv().await {
        if let Err(error) = start(connection, &servers, &open, settings.write_timeout) {
            tracing::warn!("starting to serve a connection failed: {error}");
        }
    }
    let Open {
        graceful,
        closing,
        count,
    } = open;
    closing.cancel();
    // It closes connections without a request at once.
    let _ = tokio::time::timeout(settings.shutdown_timeout, graceful.shutdown()).await;
    Arc::strong_count(&count) - 1
}

/// The open connections of a thread.
struct Open {
    graceful: GracefulShutdown,
    /// Cancelled when they are to close.
    closing: CancellationToken,
    /// Each connection holds a reference.
    count: Arc<()>,
}

fn start(
    connection: Connection,
    servers: &[Arc<dyn Serve>],
    open: &Open,
    write_timeout: Duration,
) -> std::io::Result<()> {
    let Connection {
        server,
        stream,
        client,
        per_client,
        permit,
    } = connection;
    let Some(server) = servers.get(server) else {
        return Ok(());
    };
    let place = per_client.enter(client);
    if place.is_none() && !server.is_shared(client) {
        // It is closed at once, because waiting would keep other clients from being accepted.
        tracing::debug!("{client} has too many connections");
        return Ok(());
    }
    stream.set_nodelay(true)?;
    // What the system holds for a client that takes it slowly. More would hide how slow it is.
    SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
    // Without this, a client that reads nothing would hold its connection forever (RFC 5482).
    SockRef::from(&stream).set_tcp_user_timeout(Some(write_timeout))?;
    let watcher = Watcher {
        http: open.graceful.watcher(),
        closing: open.closing.clone(),
    };
    let connection = server.clone().serve(TcpStream::from_std(stream)?, watcher);
    let counted = open.count.clone();
    tokio::spawn(async move {
        connection.await;
        drop((permit, place, counted));
    });
    Ok(())
}
