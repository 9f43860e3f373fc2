//! How connections learn that the process stops.

use hyper_util::server::graceful::{self, GracefulConnection};
use tokio_util::sync::CancellationToken;

/// Belongs to one connection. The process does not end before it is dropped, or its time is up.
pub struct Watcher {
    pub(super) http: graceful::Watcher,
    pub(super) closing: CancellationToken,
}

impl Watcher {
    /// Serves a connection of hyper. It is closed between two requests when the process stops.
    pub async fn watch<C: GracefulConnection>(self, connection: C) -> C::Output {
        self.http.watch(connection).await
    }

    /// Is cancelled when the process stops, for connections that hyper does not serve. They then close as soon as
    /// they have answered, and drop the watcher.
    #[must_use]
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}
