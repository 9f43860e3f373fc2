//! How a process stops.

use http::{HeaderValue, Response, header};
use tokio_util::sync::CancellationToken;

/// The two steps in which a process stops.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Cancelled first. Requests are served as before, and load balancers are told to send them elsewhere.
    pub draining: CancellationToken,
    /// Cancelled after the drain delay. No more connections are accepted.
    pub shutdown: CancellationToken,
}

/// Asks the client of this answer to open another connection for its next request (RFC 9112, section 9.6).
/// Otherwise a client of a process that is draining would send its next request on a connection that is about
/// to be closed.
pub fn close_after<B>(response: &mut Response<B>) {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}
