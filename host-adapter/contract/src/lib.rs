//! The contract between a component and the adapter, generated from `wit/` when this crate is built.
//!
//! Only `wit/` declares the functions and types of `spindle:adapter`. This crate generates Rust from
//! it for all other crates:
//!
//! - One module per interface with its types. With the feature `component`, wasmtime passes the same
//!   types to components.
//! - `<interface>::Functions`, a trait with the functions of the interface. A crate that implements the
//!   contract does not compile if it lacks a function.
//! - [`functions!`], the list of all functions. The linker entries, the table of the API, the
//!   spans and the calls of adapter-client expand it, so none of them can lack a function.
//!
//! Every crate may depend on this one. It depends on no other crate of Spindle.

pub mod deadline;
pub mod header_lines;

use std::{future::Future, pin::Pin, sync::Arc};

include!(concat!(env!("OUT_DIR"), "/contract.rs"));

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The adapter as one component sees it: every function of the contract, within its grants.
pub trait Adapter: Functions + Send + Sync {
    /// The component's name.
    fn component(&self) -> &str;

    /// The same adapter for calls on the serving thread `number` (from 0). Each thread uses its own
    /// connections.
    fn on_thread(&self, number: usize) -> Arc<dyn Adapter>;
}

/// The outcome of a call in one word, for logs and spans: `ok`, or the name of the error.
pub trait Outcome {
    /// The word.
    fn outcome(&self) -> &'static str;
}

/// What a call returns that its host does not make, or does not finish.
pub trait Unavailable {
    /// The result. `reason` is for the component's log, where the result can hold it.
    fn unavailable(reason: &str) -> Self;
}

impl<T, E: Unavailable> Unavailable for Result<T, E> {
    fn unavailable(reason: &str) -> Self {
        Err(E::unavailable(reason))
    }
}

impl<T> Unavailable for Vec<T> {
    fn unavailable(_: &str) -> Self {
        Self::new()
    }
}

impl<T, E: Outcome> Outcome for Result<T, E> {
    fn outcome(&self) -> &'static str {
        self.as_ref().map_or_else(Outcome::outcome, |_| "ok")
    }
}

impl<T> Outcome for Vec<T> {
    fn outcome(&self) -> &'static str {
        "ok"
    }
}
