//! Code that all services share. A component adds only its routes, schemas and queries.
//!
//! A component describes itself as a [`Service`] and passes each request to [`serve`]. This crate
//! defines everything that is the same in all services: the success and problem formats, body limits,
//! envelopes, authentication, response headers and log lines.

// The derives of `service-kit-macros` name this crate from the outside.
extern crate self as service_kit;

pub mod adapter;
pub mod answer;
pub mod auth;
pub mod client;
pub mod clock;
pub mod collection;
pub mod description;
pub mod event;
pub mod extended_json;
#[cfg(test)]
mod fuzz;
pub mod health;
pub mod idempotency;
pub mod input;
pub mod openapi;
pub mod page;
pub mod peers;
pub mod problem;
pub mod retention;
pub mod routing;
pub mod shared;
pub mod sql;

#[cfg(target_family = "wasm")]
mod allocator;
mod background;
mod body;
mod cors;
mod entry;
mod exchange;
mod failure;
mod headers;
mod local;
mod log;
mod request_id;
mod response_headers;
mod sealing;
mod service;
mod settings;

pub use answer::{Answer, Created};
pub use auth::{
    Bearer, Caller, Operator, SubjectError, TokenRejected, UncheckedCaller, UncheckedToken, UserId,
};
pub use background::background;
pub use client::Client;
pub use collection::Collection;
pub use exchange::time_left;
pub use failure::Failure;
pub use idempotency::IdempotencyKey;
pub use input::{Input, Query};
pub use problem::Problem;
pub use service::{Service, serve};
pub use settings::Production;
pub use shared::Shared;
pub use time::OffsetDateTime;
pub use uuid::Uuid;

/// The result of a handler. Functions of a service return their own errors instead.
pub type Result<T, E = Problem> = std::result::Result<T, E>;
