//! Why sessions could not be revoked.

use crate::postgres;

/// Why sessions could not be revoked, with one variant for each way in which callers react.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An argument is outside its limits. A retry cannot succeed.
    #[error("{0}")]
    Invalid(&'static str),
    /// PostgreSQL did not confirm the change. A retry may succeed.
    #[error("{0}")]
    Unavailable(String),
}

/// The statements do not come from a component, so their errors are not the caller's mistake.
impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
