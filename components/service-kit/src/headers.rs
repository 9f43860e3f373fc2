//! The names of headers that are not in `axum::http::header`.

use axum::http::HeaderName;

/// The id that connects the log lines of a request.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The position in a trace (W3C Trace Context).
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The route that answered. The embedded host asks for it with a header of this name, and removes it from
/// the response.
pub(crate) const X_SPINDLE_ROUTE: HeaderName = HeaderName::from_static("x-spindle-route");

/// How long the service took to answer, in seconds.
pub(crate) const X_PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");

/// `encrypted` on a message with a sealed body.
pub(crate) const X_SERVICE_COMMUNICATION: HeaderName =
    HeaderName::from_static("x-service-communication");

/// `true` asks for a sealed answer to a plain request.
pub(crate) const X_ENCRYPT_RESPONSE: HeaderName = HeaderName::from_static("x-encrypt-response");

/// An access token, for clients that cannot set `Authorization`.
pub(crate) const X_ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-access-token");

/// The id of a message, which may arrive more than once.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// `ip:port` of the connection. The host sets it on every request.
pub(crate) const SPIN_CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
