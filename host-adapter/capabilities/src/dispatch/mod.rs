//! Calls to peers by name: addressing, encryption, deadline and retries; the contract is
//! `wit/dispatch.wit`.
//!
//! Retries happen here and nowhere else, so that a failing peer sees at most three attempts per
//! call whatever the components do.

mod attempt;
mod client;
mod errors;
mod peers;
mod retry;
mod settings;

pub use adapter_contract::dispatch::{Request, Response};
pub use client::Dispatch;
pub use errors::Error;
pub use peers::Peers;
pub use settings::DispatchSettings;
