//! Why a call to PostgreSQL has no result. The driver's errors are mapped to a few cases.

use sqlx::postgres::PgDatabaseError;

/// The cases of `error` in `wit/postgres.wit`, which describes how a caller may react to each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The component is not granted PostgreSQL, or not the peer of a message.
    #[error("{0}")]
    Denied(String),
    /// There was no connection, or it broke.
    #[error("{0}")]
    Unavailable(String),
    /// The statement ran too long and was cancelled.
    #[error("the statement ran longer than `postgres.statement_timeout`")]
    Timeout,
    /// The constraint of this name was violated.
    #[error("constraint `{0}` was violated")]
    ConstraintViolation(String),
    /// A statement did not affect the expected number of rows. The transaction was rolled back.
    #[error(
        "statement {statement} of the transaction affected {affected} rows, not the expected number"
    )]
    UnexpectedRows {
        /// The statement's position in the transaction, counted from 0.
        statement: u32,
        /// How many rows it affected.
        affected: u64,
    },
    /// PostgreSQL cancelled the transaction because of a concurrent one.
    #[error("the transaction conflicts with a concurrent one; run it again")]
    Conflict,
    /// The statement, a parameter, a message or a column type is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The call or its result is larger than a limit.
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

/// Appendix A of the PostgreSQL documentation lists the SQLSTATE classes and codes.
fn from_postgres(error: &PgDatabaseError) -> Error {
    let message = || error.message().to_owned();
    match (error.code(), error.code().get(..2)) {
        ("23502", _) => Error::Invalid(message()),
        (_, Some("23")) => {
            Error::ConstraintViolation(error.constraint().unwrap_or_default().to_owned())
        }
        ("40001" | "40P01", _) => Error::Conflict,
        ("57014", _) => Error::Timeout,
        // The server is a standby, most likely because it was the primary until now. A new connection
        // may reach the new primary.
        ("25006", _) => Error::Unavailable(message()),
        // A table of a prepared statement was changed. A new connection prepares the statement again.
        ("0A000", _) if error.message().contains("cached plan") => Error::Unavailable(message()),
        (_, Some("08" | "53" | "57" | "58" | "XX")) => Error::Unavailable(message()),
        _ => Error::Invalid(message()),
    }
}
