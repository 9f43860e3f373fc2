//! Why a call to the document store has no result.

use crate::postgres;

/// Mirrors the cases of `error` in `wit/documents.wit`, which says what a caller may do about each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Outside the component's grant.
    #[error("{0}")]
    Denied(String),
    /// The store cannot be reached, or could not serve the call.
    #[error("{0}")]
    Unavailable(String),
    /// The store took too long. It may have been done.
    #[error("the document store did not answer in time")]
    Timeout,
    /// Filter, update, document or path is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// Above a limit on documents, bytes or nesting.
    #[error("{0}")]
    TooLarge(String),
}

impl From<postgres::Error> for Error {
    /// The SQL is the adapter's own, so what PostgreSQL finds wrong with it is no fault of the
    /// caller: it goes to the log, and the caller learns only that the store does not work.
    fn from(error: postgres::Error) -> Self {
        match error {
            postgres::Error::Unavailable(reason) => Self::Unavailable(reason),
            postgres::Error::Timeout => Self::Timeout,
            postgres::Error::TooLarge(what) => Self::TooLarge(what),
            postgres::Error::Conflict => {
                Self::Unavailable("another call changed the same documents".to_owned())
            }
            postgres::Error::ConstraintViolation(name) => {
                // The collection's name comes before the index's.
                let name = name
                    .split_once('.')
                    .map_or(name.as_str(), |(_, index)| index);
                Self::Invalid(format!(
                    "another document has the same value in unique index `{name}`"
                ))
            }
            other @ (postgres::Error::Denied(_)
            | postgres::Error::Invalid(_)
            | postgres::Error::UnexpectedRows { .. }) => {
                tracing::error!("PostgreSQL rejected a statement about documents: {other}");
                Self::Unavailable("the document store could not serve the call".to_owned())
            }
        }
    }
}
