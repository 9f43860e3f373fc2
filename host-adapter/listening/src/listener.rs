//! Accepts the connections of one listener and distributes them over the threads.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Semaphore, sync::mpsc};

use super::{PerClient, Stop, threads::Connection};

/// Pause after a failed `accept`. It fails when the process is out of file descriptors, and an
/// immediate retry would only use processor time until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener, and the threads that serve its connections.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// The index of the listener's server on every thread.
    pub(super) server: usize,
    pub(super) threads: Vec<mpsc::UnboundedSender<Connection>>,
    pub(super) max_connections: usize,
    pub(super) per_client: Arc<PerClient>,
}

impl Listener {
    /// Accepts connections until the server is to stop. Returns when open ones are to be closed.
    pub(super) async fn run(self, stop: Stop) {
        let permits = Arc::new(Semaphore::new(self.max_connections));
        // Round robin, not `SO_REUSEPORT`: with a few long-lived connections, the system often gives
        // two thirds of them to one of two threads.
        for thread in self.threads.iter().cycle() {
            let connection = tokio::select! {
                connection = self.accept(&permits) => connection,
                () = stop.shutdown.cancelled() => break,
                () = stop.replaced.cancelled() => break,
            };
            match connection {
                // Sending fails only if the thread has panicked. The connection then closes.
                Ok(connection) => drop(thread.send(connection)),
                Err(error) => {
                    tracing::warn!("accepting a connection failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let all = u32::try_from(self.max_connections).unwrap_or(u32::MAX);
        // Otherwise a port that is not used any more would stay open.
        drop(self.socket);
        tokio::select! {
            // All permits are free when no connection is open.
            _ = permits.acquire_many(all) => {}
            () = stop.shutdown.cancelled() => {}
        }
    }

    async fn accept(&self, permits: &Arc<Semaphore>) -> std::io::Result<Connection> {
        // Acquired before accepting: above the limit, clients wait in the system's queue.
        let permit = permits
            .clone()
            .acquire_owned()
            .await
            .map_err(std::io::Error::other)?;
        let (stream, client) = self.socket.accept().await?;
        Ok(Connection {
            server: self.server,
            stream: stream.into_std()?,
            client: client.ip(),
            per_client: self.per_client.clone(),
            permit,
        })
    }
}
