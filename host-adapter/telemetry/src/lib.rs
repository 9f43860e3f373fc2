//! Metrics and traces: what every crate records, and how it is read.
//!
//! A crate defines its metrics in a file `metrics.rs` of its own and registers them here. The
//! management port reads all of them. Every crate may depend on this one, which depends only on
//! `adapter-settings`.

pub mod metrics;
pub mod traces;
