//! Implements the functions of the contract with the capabilities, one file per interface.
//!
//! Each function gets the capability (which checks the grant), converts the arguments, makes the call,
//! and converts the result. [`Component`] implements the traits that [`adapter_contract`] generates
//! from `wit/`, so the crate does not compile if it lacks a function. The embedded host and the
//! adapter's API both call through [`adapter_contract::Adapter`], so they cannot differ. Neither knows
//! this crate; only `host-adapter` depends on it.

mod dispatch;
mod documents;
mod envelopes;
mod health;
mod passwords;
mod postgres;
mod spans;
mod subject_documents;
mod subject_queries;
mod tokens;

use std::sync::Arc;

use adapter_capabilities::Capabilities;
use adapter_contract::Adapter;

pub use spans::Traced;

/// One component's adapter: the functions of the contract, within the component's grants.
#[derive(Clone)]
pub struct Component(Capabilities);

/// Creates the adapter over `capabilities`. Each call runs in a span.
#[must_use]
pub fn adapter(capabilities: Capabilities) -> Arc<dyn Adapter> {
    Arc::new(Traced::new(Component(capabilities)))
}
