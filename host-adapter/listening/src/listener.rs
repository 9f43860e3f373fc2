//! Accepts one listener's connections and hands them to the threads in turn.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Semaphore, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::threads::Connection;

/// Pause after `accept` failed, which it does when the process has no file descriptors left: going
/// on at once would only burn the processor until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener, and who serves what it accepts.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// The number of its server on every thread.
    pub(super) server: usize,
    pub(super) threads: Vec<mpsc::UnboundedSender<Connection>>,
    pub(super) max_connections: usize,
}

impl Listener {
    /// Accepts until `shutdown`.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.max_connections));
        // In turn and not by the system's choice (`SO_REUSEPORT`), which gives one of two threads
        // two thirds of a few long-lived connections as often as not.
        for thread in self.threads.iter().cycle() {
            let connection = tokio::select! {
                connection = self.accept(&places) => connection,
                () = shutdown.cancelled() => break,
            };
            match connection {
                // A thread that is gone has failed; the connection closes, the next is for another.
                Ok(connection) => drop(thread.send(connection)),
                Err(error) => {
                    tracing::warn!("accepting a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self, places: &Arc<Semaphore>) -> std::io::Result<Connection> {
        // Taken before accepting: beyond the limit, clients wait in the system's queue.
        let permit = places
            .clone()
            .acquire_owned()
            .await
            .map_err(std::io::Error::other)?;
        let (stream, _) = self.socket.accept().await?;
        Ok(Connection {
            server: self.server,
            stream: stream.into_std()?,
            permit,
        })
    }
}
