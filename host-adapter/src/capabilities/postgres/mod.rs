//! SQL on the one database schema that a component is granted; the contract is `wit/postgres.wit`.
//!
//! The boundary is PostgreSQL's own: every component connects under a role of its own that owns
//! nothing and reaches one schema, so even SQL that an attacker wrote stays inside. What is checked
//! here besides is only what a role cannot express: statements that would change a shared session,
//! and the size of what comes back.

mod client;
mod errors;
mod parameters;
mod pool;
mod rows;
mod statement;

pub use client::{Limits, Postgres};
pub use errors::Error;
pub use pool::{Pool, PoolSettings, number_this_thread};

/// One column of a row, or one parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL `null` of any type.
    Null,
    /// `boolean`
    Boolean(bool),
    /// `smallint`, `integer`, `bigint`
    Int64(i64),
    /// `real`, `double precision`
    Float64(f64),
    /// `text` and its relatives, enumerations
    Text(String),
    /// `bytea`
    Bytes(Vec<u8>),
    /// `uuid`, hyphenated lower case
    Uuid(String),
    /// `timestamptz`, RFC 3339 in UTC
    Timestamp(String),
    /// `jsonb`, `json`
    Json(String),
}

/// Columns in the statement's order.
pub type Row = Vec<Value>;

/// A statement and its parameters.
#[derive(Debug, Clone)]
pub struct Statement {
    /// SQL with placeholders `$1`, `$2` …
    pub sql: String,
    /// One per placeholder.
    pub params: Vec<Value>,
    /// How many rows it must affect; `None` accepts any number.
    pub expected_rows: Option<u64>,
}

/// The rows of one statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultSet {
    /// The names of the columns; empty without rows.
    pub columns: Vec<String>,
    /// Each with one value per column.
    pub rows: Vec<Row>,
}

/// What one statement of a transaction did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// What it returned.
    pub returned: ResultSet,
    /// Rows inserted, updated, deleted or, by `select`, returned.
    pub affected: u64,
}

/// A request to a peer, delivered after the transaction that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// A peer that the component is granted.
    pub peer: String,
    /// Path at the peer, beginning with `/`.
    pub path: String,
    /// JSON text.
    pub body: String,
    /// Sent as `Idempotency-Key`.
    pub idempotency_key: String,
}
