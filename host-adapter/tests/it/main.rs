//! End-to-end tests: the real program, the real components and real databases. They are one binary,
//! so that the support code is compiled once.
//!
//! Each test has its own database, keys and ports. The components must be built (`./dev test` builds
//! them) and PostgreSQL's programs must be installed. Otherwise the tests fail and say what is missing.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that finds something else than it expects fails by panicking, and prints"
)]

mod activities;
mod analytics;
mod api_reference;
mod asvs;
mod changed_settings;
mod client_address;
mod command_line;
mod control;
mod deadlines;
mod dispatch;
mod doctor;
mod document_outages;
mod documentation;
mod documents_conformance;
mod encryption;
mod event_list;
mod event_retention;
mod gateway;
mod grants;
mod hang_ups;
mod host;
mod hostile;
mod index_migrations;
mod insert_groups;
mod key_rotation;
mod login;
mod login_attempts;
mod logs;
mod management;
mod messages;
mod migrations;
mod new_service;
mod outages;
mod page;
mod password;
mod pooler;
mod postgres;
mod private_mongodb;
mod profile;
mod rebuild;
mod registration;
mod relay;
mod releases;
mod requests;
mod revoked_sessions;
mod rollout;
mod row_pages;
mod serving_threads;
mod sessions;
mod sidecar;
mod sidecar_tls;
mod slow_clients;
mod sockets;
mod spans;
mod start_checks;
mod statistics;
mod statistics_in_mongodb;
mod stopping;
mod subjects;
mod support;
mod swap;
mod torture;
mod traces;
mod user_count;
mod vault_interop;
mod watch;

service_tests::modules!();
