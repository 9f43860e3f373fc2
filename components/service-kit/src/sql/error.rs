//! The errors of statements and transactions.

use std::fmt;

use crate::Failure;
use crate::adapter::postgres;

/// Why a statement or a transaction failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A constraint of this name was violated, such as `users_email_key`.
    ConstraintViolation(String),
    /// A statement affected another number of rows than [`super::Transaction::expect_rows`] requires,
    /// and the transaction was rolled back.
    UnexpectedRows {
        /// The statement's position in the transaction, counted from 0.
        statement: u32,
        /// How many rows it affected.
        affected: u64,
    },
    /// Anything else.
    Failure(Failure),
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        match error {
            postgres::Error::ConstraintViolation(name) => Self::ConstraintViolation(name),
            postgres::Error::UnexpectedRows(mismatch) => Self::UnexpectedRows {
                statement: mismatch.statement,
                affected: mismatch.affected,
            },
            other => Self::Failure(other.into()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// For errors that the service did not expect.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::ConstraintViolation(name) => postgres::Error::ConstraintViolation(name).into(),
            Error::UnexpectedRows {
                statement,
                affected,
            } => postgres::Error::UnexpectedRows(postgres::RowMismatch {
                statement,
                affected,
            })
            .into(),
            Error::Failure(failure) => failure,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Failure::from(self.clone()).fmt(formatter)
    }
}

impl std::error::Error for Error {}
