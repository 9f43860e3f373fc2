//! Errors of calls to the document store.

use crate::postgres;

/// An error of a call.
///
/// The variants are the cases of `error` in `wit/documents.wit`, which says how a caller handles each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The component is not granted the collection.
    #[error("{0}")]
    Denied(String),
    /// The store cannot be reached, or could not serve the call.
    #[error("{0}")]
    Unavailable(String),
    /// The store did not answer in time. The call may have taken effect.
    #[error("the document store did not answer in time")]
    Timeout,
    /// A filter, update, document or path is not valid.
    #[error("{0}")]
    Invalid(String),
    /// A limit on documents, bytes or nesting is exceeded.
    #[error("{0}")]
    TooLarge(String),
}

impl From<postgres::Error> for Error {
    /// The adapter writes the SQL, so a rejected statement is not the caller's fault. The reason goes to
    /// the log, and the caller gets `Unavailable`.
    fn from(error: postgres::Error) -> Self {
        match error {
            postgres::Error::Unavailable(reason) => Self::Unavailable(reason),
            postgres::Error::Timeout => Self::Timeout,
            postgres::Error::TooLarge(what) => Self::TooLarge(what),
            postgres::Error::Conflict => {
                Self::Unavailable("another call changed the same documents".to_owned())
            }
            postgres::Error::ConstraintViolation(name) => {
                // The constraint is named `collection.index`.
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
