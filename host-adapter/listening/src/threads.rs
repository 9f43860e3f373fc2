//! The threads that serve.
//!
//! Each has a runtime of its own, and with it component instances and database connections of its
//! own: what a request waits for wakes the thread that it is on, and no other. On two processors that is a
//! third more requests than one runtime that hands tasks from thread to thread.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, sync::mpsc};

use super::{ListeningSettings, Serve};

/// An accepted connection on its way to a thread.
pub(super) struct Connection {
    /// Which of the thread's servers is to answer.
    pub(super) server: usize,
    pub(super) stream: std::net::TcpStream,
    /// Its place among the listener's connections, given back when it is closed.
    pub(super) permit: OwnedSemaphorePermit,
}

/// A running thread. It ends when every sender to it is gone.
pub(super) struct Thread {
    pub(super) connections: mpsc::UnboundedSender<Connection>,
    pub(super) handle: JoinHandle<()>,
}

impl Thread {
    /// Starts thread `number`, which answers with `servers`. The channel needs no bound of its own:
    /// each connection in it holds a permit.
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
        let handle = builder.spawn(run).context("starting a thread")?;
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
) {
    let graceful = GracefulShutdown::new();
    while let Some(connection) = connections.recv().await {
        if let Err(error) = start(connection, &servers, &graceful, settings.write_timeout) {
            tracing::warn!("taking over a connection: {error}");
        }
    }
    if tokio::time::timeout(settings.shutdown_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still running after {:?}",
            settings.shutdown_timeout
        );
    }
}

fn start(
    connection: Connection,
    servers: &[Arc<dyn Serve>],
    graceful: &GracefulShutdown,
    write_timeout: Duration,
) -> std::io::Result<()> {
    let Connection {
        server,
        stream,
        permit,
    } = connection;
    let Some(server) = servers.get(server) else {
        return Ok(());
    };
    stream.set_nodelay(true)?;
    // Else a client that reads nothing would hold its place for ever (RFC 5482).
    SockRef::from(&stream).set_tcp_user_timeout(Some(write_timeout))?;
    let connection = server
        .clone()
        .serve(TcpStream::from_std(stream)?, graceful.watcher());
    tokio::spawn(async move {
        connection.await;
        drop(permit);
    });
    Ok(())
}
