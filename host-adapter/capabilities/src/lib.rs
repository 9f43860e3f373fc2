//! The capabilities that a component can be granted, one folder each, and the grants of a component.
//!
//! A capability depends neither on wasm nor on an HTTP server, so the embedded host and the adapter's
//! API use it with the same checks. This crate depends on the drivers, on `adapter-settings`, on
//! [`adapter_telemetry`], and on [`adapter_contract`], whose types it takes and returns.
//! `adapter-bindings` implements the functions of the contract with it, and `host-adapter` assembles it.
//! No other crate may depend on it.

mod conversions;
mod denied;
pub mod dispatch;
pub mod documents;
#[cfg(test)]
mod fuzzing;
mod grants;
pub mod health;
mod metrics;
pub mod outbox;
pub mod postgres;
pub mod sessions;
pub mod vault;

pub use denied::Denied;
pub use grants::{Capabilities, EnvelopeGrant, Grants, TokenGrant, TokenVerifier};
