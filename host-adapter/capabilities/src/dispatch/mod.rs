//! Calls to peers by name: addresses, encryption, deadlines and retries. The contract is
//! `wit/dispatch.wit`.
//!
//! Calls are retried only here. A failing peer gets at most three attempts per call, as many retries as its
//! budget allows, and no calls while its breaker is open.

mod attempt;
mod breaker;
mod budget;
mod circuits;
mod client;
mod errors;
mod observed;
mod peers;
mod problem;
mod retry;
mod settings;

pub use adapter_contract::dispatch::{Request, Response};
pub use client::Dispatch;
pub use errors::Error;
pub use peers::Peers;
pub(crate) use problem::{describe, kind};
pub use settings::DispatchSettings;
