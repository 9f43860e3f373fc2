//! What every service shares, so that a component is its routes, its schemas and its SQL.
//!
//! A component describes itself as a [`Service`] and hands each request to [`serve`]. Everything
//! that a client sees alike in all services is decided here: the success and problem formats,
//! body limits, envelopes, authentication, response headers and log lines.

pub mod adapter;
pub mod answer;
pub mod auth;
pub mod client;
pub mod clock;
pub mod description;
pub mod extended_json;
pub mod health;
pub mod input;
pub mod page;
pub mod peers;
pub mod problem;
pub mod routing;
pub mod rows;

mod background;
mod body;
mod cors;
mod exchange;
mod headers;
mod local;
mod log;
mod request_id;
mod response_headers;
mod sealing;
mod service;
mod settings;

pub use answer::Answer;
pub use auth::{Bearer, Caller, Operator};
pub use background::background;
pub use client::Client;
pub use input::{Input, Query};
pub use problem::Problem;
pub use service::{Service, serve};

/// The result of a handler or of a service function.
pub type Result<T, E = Problem> = std::result::Result<T, E>;
