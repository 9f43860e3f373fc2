//! The functions of the contract over the capabilities, one file per interface.
//!
//! Each function does four things and no more: it takes the capability (which checks the grant),
//! converts the arguments, calls, and converts the result. [`Component`] implements the traits that
//! [`adapter_contract`] generates from `wit/`, so a function that is declared there and not served
//! here does not compile. The embedded host and the adapter's API both call through
//! [`adapter_contract::Adapter`], so the two cannot differ; neither knows this crate. Only
//! `host-adapter` depends on it.

mod dispatch;
mod documents;
mod envelopes;
mod health;
mod passwords;
mod postgres;
mod spans;
mod tokens;

use std::sync::Arc;

use adapter_capabilities::Capabilities;
use adapter_contract::Adapter;

pub use spans::Traced;

/// One component's adapter: the functions of the contract over what the component is granted.
#[derive(Clone)]
pub struct Component(Capabilities);

/// The functions over `capabilities`, each call in a span.
#[must_use]
pub fn adapter(capabilities: Capabilities) -> Arc<dyn Adapter> {
    Arc::new(Traced(Component(capabilities)))
}
