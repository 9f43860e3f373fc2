//! The contract between a component and the adapter, generated from `wit/` when this crate is built.
//!
//! `wit/` is the only place where a function or a type of `spindle:adapter` is declared. This crate
//! turns it into Rust once, for every side:
//!
//! - one module per interface with its types. Their JSON (serde) is the form they have on the wire
//!   between adapter-client and `host-adapter serve`. With the feature `component`, wasmtime passes
//!   the same types to components.
//! - `<interface>::Functions`, a trait with the functions of the interface. Whoever serves the
//!   contract implements it, so a function that is declared and not served does not compile.
//! - [`functions!`], the list of all functions. Linker entries, the table of the HTTP API, spans and
//!   the calls of adapter-client are expansions of it, so none of them can miss a function.
//!
//! Every crate may depend on this one. It depends on none of ours.

use std::{future::Future, pin::Pin, sync::Arc};

include!(concat!(env!("OUT_DIR"), "/contract.rs"));

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The adapter as one component sees it: every function of the contract, within its grants.
pub trait Adapter: Functions + Send + Sync {
    /// The component's name.
    fn component(&self) -> &str;

    /// The same adapter for calls that are made on the serving thread `number` (from 0). Each
    /// thread then uses connections of its own.
    fn on_thread(&self, number: usize) -> Arc<dyn Adapter>;
}

/// What a call came to, in one word for logs and spans: `ok`, or the name of the error.
pub trait Outcome {
    /// The word.
    fn outcome(&self) -> &'static str;
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
