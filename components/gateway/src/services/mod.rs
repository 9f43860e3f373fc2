//! What the service does: one function per file.

mod check_services;
mod fetch_public_keys;

pub(crate) use check_services::check_services;
pub(crate) use fetch_public_keys::fetch_public_keys;
