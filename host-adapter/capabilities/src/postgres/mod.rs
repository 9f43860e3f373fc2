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
mod settings;
mod statement;

pub use adapter_contract::postgres::{Message, Outcome, ResultSet, Row, Statement, Value};
pub use client::Postgres;
pub use errors::Error;
pub use pool::Pool;
pub use settings::PostgresSettings;
