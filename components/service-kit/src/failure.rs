//! Failures that a caller cannot handle, with their cause for the log.
//!
//! A service branches on the errors that it expects, such as a violated constraint. `?` turns every
//! other error into a [`Failure`], which becomes a 503 or a 500 without a detail.

use std::fmt;

use crate::adapter::{dispatch, documents, passwords, postgres, tokens};

/// Why a request cannot be served, if the client is not at fault. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A dependency does not answer. The client may try again.
    Unavailable(String),
    /// A mistake in this program, its SQL or its grants. Trying again does not help.
    Internal(String),
}

impl Failure {
    /// A dependency does not answer.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// A mistake in this program, its SQL or its grants.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::Internal(cause.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unavailable(cause) | Self::Internal(cause)) = self;
        formatter.write_str(cause)
    }
}

impl std::error::Error for Failure {}

/// A `conflict` left the data as it was, so the client may try again.
impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        use postgres::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("postgres: {reason}")),
            Error::Timeout => Self::unavailable("postgres: a call timed out"),
            Error::Conflict => Self::unavailable("postgres: transactions conflicted"),
            Error::Denied(what) => Self::internal(format!("postgres: not granted: {what}")),
            Error::ConstraintViolation(name) => {
                Self::internal(format!("postgres: constraint `{name}` was violated"))
            }
            Error::UnexpectedRows(mismatch) => Self::internal(format!(
                "postgres: statement {} of a transaction affected {} rows, not the expected number",
                mismatch.statement, mismatch.affected
            )),
            Error::Invalid(why) => Self::internal(format!("postgres: invalid call: {why}")),
            Error::TooLarge(what) => Self::internal(format!("postgres: too large: {what}")),
        }
    }
}

impl From<documents::Error> for Failure {
    fn from(error: documents::Error) -> Self {
        use documents::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("documents: {reason}")),
            Error::Timeout => Self::unavailable("documents: a call timed out"),
            Error::Denied(what) => Self::internal(format!("documents: not granted: {what}")),
            Error::Invalid(why) => Self::internal(format!("documents: invalid call: {why}")),
            Error::TooLarge(what) => Self::internal(format!("documents: too large: {what}")),
        }
    }
}

impl From<passwords::Error> for Failure {
    fn from(error: passwords::Error) -> Self {
        use passwords::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("passwords: {reason}")),
            Error::Denied(what) => Self::internal(format!("passwords: not granted: {what}")),
            Error::Invalid(why) => Self::internal(format!("passwords: invalid call: {why}")),
            Error::TooManyAttempts(seconds) => Self::unavailable(format!(
                "passwords: the client made too many attempts, the next is possible in {seconds} s"
            )),
        }
    }
}

/// For issuing tokens and ending sessions. [`crate::Bearer`] handles the tokens that clients send.
impl From<tokens::Error> for Failure {
    fn from(error: tokens::Error) -> Self {
        use tokens::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("tokens: {reason}")),
            Error::Denied(what) => Self::internal(format!("tokens: not granted: {what}")),
            Error::Expired | Error::Ended | Error::Invalid => {
                Self::internal("tokens: invalid call")
            }
        }
    }
}

/// An answer that cannot be read is treated like a peer that does not answer.
impl From<dispatch::Error> for Failure {
    fn from(error: dispatch::Error) -> Self {
        use dispatch::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("dispatch: {reason}")),
            Error::Timeout => Self::unavailable("dispatch: the peer did not answer in time"),
            Error::Untrusted => Self::unavailable("dispatch: the peer's answer is not trusted"),
            Error::Denied(what) => Self::internal(format!("dispatch: not granted: {what}")),
            Error::Invalid(why) => Self::internal(format!("dispatch: invalid call: {why}")),
            Error::TooLarge(what) => Self::internal(format!("dispatch: too large: {what}")),
        }
    }
}
