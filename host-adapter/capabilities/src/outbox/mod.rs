//! Messages that are committed together with data and delivered in the background, at least once.
//!
//! Each component has a table `outbox` in its own schema. `postgres.transact` therefore writes a
//! message with the component's own role and in its own transaction. The component can write to the
//! table itself, so its content is not trusted: the peer is checked against the grant again when a
//! message is sent.

mod delivery;
mod depth;
mod lanes;
mod messages;
mod rate;
mod relay;
mod settings;
mod store;
mod survey;

pub use depth::Depth;
pub use messages::{ListedMessage, Message, Outbox};
pub use relay::Relay;
pub use settings::RelaySettings;

/// SQL that creates the table in the first schema of `search_path` if it is missing.
pub const SCHEMA: &str = include_str!("schema.sql");
