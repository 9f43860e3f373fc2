//! Why a call to PostgreSQL has no result, with the driver's many reasons sorted into few.

use sqlx::postgres::PgDatabaseError;

/// Mirrors the cases of `error` in `wit/postgres.wit`, which says what a caller may do about each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Outside the component's grant.
    #[error("{0}")]
    Denied(String),
    /// No connection, or a broken one.
    #[error("{0}")]
    Unavailable(String),
    /// The statement ran too long and was cancelled.
    #[error("the statement ran longer than allowed")]
    Timeout,
    /// The constraint of this name was violated.
    #[error("constraint `{0}` was violated")]
    ConstraintViolation(String),
    /// A statement affected another number of rows than it must; nothing was committed.
    #[error(
        "statement {statement} of the transaction affected {affected} rows, not the expected number"
    )]
    UnexpectedRows {
        /// Its place in the transaction, from 0.
        statement: u32,
        /// How many rows it affected.
        affected: u64,
    },
    /// Two transactions were in each other's way.
    #[error("another transaction was in the way")]
    Conflict,
    /// Statement, parameter or column type is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// Above a limit on rows, bytes, statements or messages.
    #[error("{0}")]
    TooLarge(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast::<PgDatabaseError>() {
                Ok(error) => from_postgres(&error),
                Err(error) => Self::Invalid(error.message().to_owned()),
            },
            sqlx::Error::Encode(error) => Self::Invalid(error.to_string()),
            sqlx::Error::Decode(error) | sqlx::Error::ColumnDecode { source: error, .. } => {
                Self::Invalid(error.to_string())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// SQLSTATE classes and codes: PostgreSQL documentation, appendix A.
fn from_postgres(error: &PgDatabaseError) -> Error {
    let message = || error.message().to_owned();
    match (error.code(), error.code().get(..2)) {
        ("23502", _) => Error::Invalid(message()),
        (_, Some("23")) => {
            Error::ConstraintViolation(error.constraint().unwrap_or_default().to_owned())
        }
        ("40001" | "40P01", _) => Error::Conflict,
        ("57014", _) => Error::Timeout,
        // The table was changed under a prepared statement; a fresh connection prepares it anew.
        ("0A000", _) if error.message().contains("cached plan") => Error::Unavailable(message()),
        (_, Some("08" | "53" | "57" | "58" | "XX")) => Error::Unavailable(message()),
        _ => Error::Invalid(message()),
    }
}
