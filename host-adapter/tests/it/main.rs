//! Everything that is tested through a boundary: the real program, the real components, a real
//! PostgreSQL. One binary, so that its support is compiled once.
//!
//! Each test has a database, keys and ports of its own. The components must have been built
//! (`./dev test` does), and PostgreSQL's programs must be installed; without them a test fails and
//! says so.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that finds something else than it expects fails by panicking, and prints"
)]

mod activities;
mod analytics;
mod command_line;
mod dispatch;
mod document_outages;
mod documents_conformance;
mod encryption;
mod ended_sessions;
mod event_list;
mod gateway;
mod grants;
mod host;
mod index_migrations;
mod login;
mod messages;
mod migrations;
mod outages;
mod password;
mod postgres;
mod private_mongodb;
mod profile;
mod rebuild;
mod registration;
mod requests;
mod sessions;
mod sidecar;
mod sidecar_tls;
mod spans;
mod statistics;
mod statistics_in_mongodb;
mod support;
mod vault_interop;
