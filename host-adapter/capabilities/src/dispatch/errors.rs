//! Why a call to a peer has no answer.

/// The cases of `error` in `wit/dispatch.wit`, which describes how a caller may react to each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The component is not granted the peer.
    #[error("{0}")]
    Denied(String),
    /// The peer could not be reached, or answered the last attempt with 502, 503 or 504.
    #[error("{0}")]
    Unavailable(String),
    /// The deadline passed.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The method, path, body, idempotency key or request id is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The answer is not a sealed answer to this call, or not text.
    #[error("the peer's answer is not the sealed answer to this call")]
    Untrusted,
    /// The request or the answer is larger than the limit.
    #[error("{0}")]
    TooLarge(String),
}
