//! The functions of the service, one per file.

mod ask_service;
mod check_services;
mod describe_api;
mod explain_problem;
mod fetch_public_keys;
mod list_services;
mod merge_documents;

use ask_service::ask_service;
pub(crate) use check_services::check_services;
pub(crate) use describe_api::describe_api;
pub(crate) use explain_problem::{explain_problem, list_problems};
pub(crate) use fetch_public_keys::fetch_public_keys;
pub(crate) use list_services::list_services;
