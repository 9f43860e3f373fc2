//! `spindle:adapter/postgres`.

use super::{host_functions, wit::postgres as wit};
use crate::capabilities::{Capabilities, Denied, postgres as native};

host_functions! {
    wit;
    fn fetch(sql: String, params: Vec<wit::Value>) -> Result<wit::ResultSet, wit::Error>;
    fn execute(sql: String, params: Vec<wit::Value>) -> Result<u64, wit::Error>;
    fn transact(statements: Vec<wit::Statement>, messages: Vec<wit::Message>) -> Result<Vec<wit::Outcome>, wit::Error>;
}

pub(crate) async fn fetch(
    capabilities: &Capabilities,
    sql: String,
    params: Vec<wit::Value>,
) -> Result<wit::ResultSet, wit::Error> {
    let found = capabilities.postgres()?.fetch(sql, values(params)).await?;
    Ok(found.into())
}

pub(crate) async fn execute(
    capabilities: &Capabilities,
    sql: String,
    params: Vec<wit::Value>,
) -> Result<u64, wit::Error> {
    Ok(capabilities
        .postgres()?
        .execute(sql, values(params))
        .await?)
}

pub(crate) async fn transact(
    capabilities: &Capabilities,
    statements: Vec<wit::Statement>,
    messages: Vec<wit::Message>,
) -> Result<Vec<wit::Outcome>, wit::Error> {
    let statements = statements.into_iter().map(Into::into).collect();
    let messages = messages.into_iter().map(Into::into).collect();
    let outcomes = capabilities
        .postgres()?
        .transact(statements, messages)
        .await?;
    Ok(outcomes.into_iter().map(Into::into).collect())
}

fn values(params: Vec<wit::Value>) -> Vec<native::Value> {
    params.into_iter().map(Into::into).collect()
}

fn row(row: native::Row) -> wit::Row {
    row.into_iter().map(Into::into).collect()
}

impl From<wit::Value> for native::Value {
    fn from(value: wit::Value) -> Self {
        match value {
            wit::Value::Null => Self::Null,
            wit::Value::Boolean(value) => Self::Boolean(value),
            wit::Value::Int64(value) => Self::Int64(value),
            wit::Value::Float64(value) => Self::Float64(value),
            wit::Value::Text(value) => Self::Text(value),
            wit::Value::Bytes(value) => Self::Bytes(value),
            wit::Value::Uuid(value) => Self::Uuid(value),
            wit::Value::Timestamp(value) => Self::Timestamp(value),
            wit::Value::Json(value) => Self::Json(value),
        }
    }
}

impl From<native::Value> for wit::Value {
    fn from(value: native::Value) -> Self {
        match value {
            native::Value::Null => Self::Null,
            native::Value::Boolean(value) => Self::Boolean(value),
            native::Value::Int64(value) => Self::Int64(value),
            native::Value::Float64(value) => Self::Float64(value),
            native::Value::Text(value) => Self::Text(value),
            native::Value::Bytes(value) => Self::Bytes(value),
            native::Value::Uuid(value) => Self::Uuid(value),
            native::Value::Timestamp(value) => Self::Timestamp(value),
            native::Value::Json(value) => Self::Json(value),
        }
    }
}

impl From<wit::Statement> for native::Statement {
    fn from(statement: wit::Statement) -> Self {
        Self {
            sql: statement.sql,
            params: values(statement.params),
            expected_rows: statement.expected_rows,
        }
    }
}

impl From<wit::Message> for native::Message {
    fn from(message: wit::Message) -> Self {
        let wit::Message {
            peer,
            path,
            body,
            idempotency_key,
        } = message;
        Self {
            peer,
            path,
            body,
            idempotency_key,
        }
    }
}

impl From<native::ResultSet> for wit::ResultSet {
    fn from(found: native::ResultSet) -> Self {
        Self {
            columns: found.columns,
            rows: found.rows.into_iter().map(row).collect(),
        }
    }
}

impl From<native::Outcome> for wit::Outcome {
    fn from(outcome: native::Outcome) -> Self {
        Self {
            returned: outcome.returned.into(),
            affected: outcome.affected,
        }
    }
}

impl From<Denied> for wit::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<native::Error> for wit::Error {
    fn from(error: native::Error) -> Self {
        match error {
            native::Error::Denied(reason) => Self::Denied(reason),
            native::Error::Unavailable(reason) => Self::Unavailable(reason),
            native::Error::Timeout => Self::Timeout,
            native::Error::ConstraintViolation(name) => Self::ConstraintViolation(name),
            native::Error::UnexpectedRows {
                statement,
                affected,
            } => Self::UnexpectedRows(wit::RowMismatch {
                statement,
                affected,
            }),
            native::Error::Conflict => Self::Conflict,
            native::Error::Invalid(reason) => Self::Invalid(reason),
            native::Error::TooLarge(reason) => Self::TooLarge(reason),
        }
    }
}
