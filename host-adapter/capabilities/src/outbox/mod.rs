//! Messages that were committed together with data, delivered afterwards: at least once, in the
//! background, until the peer has taken them.
//!
//! Each component has a table `outbox` in its own schema, so that `postgres.transact` writes a
//! message with the component's own rights and in its own transaction. What the table says is
//! therefore no more trusted than the component: the peer is checked against the grant again when
//! the message is sent.

mod relay;
mod store;

pub use relay::{Relay, RelaySettings};

/// Creates the table in the schema that is first in `search_path`. Repeatable.
pub const SCHEMA: &str = include_str!("schema.sql");
