//! What a component can be given, one folder per capability, and who is given what.
//!
//! A capability knows neither wasm nor HTTP servers, so that the embedded host and the sidecar's
//! API share it with the same checks.

pub mod dispatch;
pub mod documents;
mod grants;
pub mod health;
pub mod outbox;
pub mod postgres;
pub mod sessions;
pub mod vault;

pub use grants::{Capabilities, Denied, EnvelopeGrant, Grants, TokenGrant};
