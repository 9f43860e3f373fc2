//! The functions of the service, one per file.

mod ask_service;
mod check_services;
mod fetch_public_keys;
mod list_services;

use ask_service::ask_service;
pub(crate) use check_services::check_services;
pub(crate) use fetch_public_keys::fetch_public_keys;
pub(crate) use list_services::list_services;
