//! Why sessions could not be ended.

use crate::postgres;

/// One variant for each thing a caller does differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An argument is outside its limits, whenever it is tried.
    #[error("{0}")]
    Invalid(&'static str),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

/// The statements are our own, so whatever PostgreSQL has against them passes or is ours to repair.
impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
