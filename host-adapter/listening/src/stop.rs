//! How a server stops.

use http::{HeaderValue, Response, header};
use tokio_util::sync::CancellationToken;

/// The steps in which a server stops, with its process or when another one takes its place.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Cancelled first. Requests are served as before, and load balancers are told to send them elsewhere.
    pub draining: CancellationToken,
    /// Cancelled when another server accepts from the same sockets. This one accepts no more connections, and
    /// serves those that are open until their clients close them.
    pub replaced: CancellationToken,
    /// Cancelled after the drain delay. No more connections are accepted, and open ones are closed between two
    /// requests.
    pub shutdown: CancellationToken,
}

impl Stop {
    /// That of one server. It stops with the process, or before.
    #[must_use]
    pub fn of_server(&self) -> Self {
        Self {
            draining: self.draining.child_token(),
            replaced: self.replaced.child_token(),
            shutdown: self.shutdown.child_token(),
        }
    }

    /// Another server accepts from the same sockets from now on. Clients are asked to open another connection for
    /// their next request, which that one serves.
    pub fn replace(&self) {
        self.draining.cancel();
        self.replaced.cancel();
    }
}

/// Asks the client of this answer to open another connection for its next request (RFC 9112, section 9.6).
/// Otherwise a client of a process that is draining would send its next request on a connection that is about
/// to be closed.
pub fn close_after<B>(response: &mut Response<B>) {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}
