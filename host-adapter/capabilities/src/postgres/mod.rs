//! SQL on the one database schema that a component is granted. The contract is `wit/postgres.wit`.
//!
//! PostgreSQL enforces the boundary. Every component connects with its own role, which owns nothing
//! and can reach one schema, so even SQL from an attacker stays inside it. This module checks only what
//! a role cannot: statements that would change a shared session, and the size of results.

mod client;
mod connections;
mod definitions;
mod errors;
#[cfg(test)]
mod fuzz;
mod observed;
mod parameters;
mod pool;
mod rows;
mod settings;
mod statement;

pub use adapter_contract::postgres::{Message, Outcome, ResultSet, Row, Statement, Value};
pub use client::Postgres;
pub(crate) use definitions::Definitions;
pub use errors::Error;
pub use pool::Pool;
pub use settings::PostgresSettings;
