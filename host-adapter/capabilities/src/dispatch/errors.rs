//! Why a call has no answer.

/// Mirrors the cases of `error` in `wit/dispatch.wit`, which says what a caller may do about each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Outside the component's grant.
    #[error("{0}")]
    Denied(String),
    /// Not reached, or 502, 503 or 504 on every attempt.
    #[error("{0}")]
    Unavailable(String),
    /// The deadline passed.
    #[error("the peer did not answer in time")]
    Timeout,
    /// Method, path, body or key are not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// The answer is not the sealed answer to this call.
    #[error("the peer's answer cannot be trusted")]
    Untrusted,
    /// Request or answer above the limit.
    #[error("{0}")]
    TooLarge(String),
}
