//! What a component can be granted, one folder per capability, and which component is granted what.
//!
//! A capability knows neither wasm nor an HTTP server, so that the embedded host and the adapter's
//! API share it with the same checks: this crate depends on the drivers, on `adapter-settings`, and
//! on [`adapter_contract`], whose types it takes and returns. `adapter-bindings` puts it behind the
//! functions of the contract, and `host-adapter` assembles it. No other crate may depend on it.

mod conversions;
mod denied;
pub mod dispatch;
pub mod documents;
mod grants;
pub mod health;
pub mod outbox;
pub mod postgres;
pub mod sessions;
pub mod vault;

pub use denied::Denied;
pub use grants::{Capabilities, EnvelopeGrant, Grants, TokenGrant};
