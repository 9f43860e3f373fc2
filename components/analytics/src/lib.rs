//! Events and their statistics.
//!
//! Events are documents, not rows, because their senders choose their properties. The sender also
//! chooses an event's id, so that an event that arrives twice is stored once.

mod error;
mod routes;
mod schemas;
mod services;
mod summaries;

service_kit::service!(routes::routes);
