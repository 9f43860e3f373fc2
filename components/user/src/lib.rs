//! User accounts: registration, login, sessions, profiles and activities.
//!
//! A user and the analytics event about it are written in one transaction. This service generates the
//! ids, and not the database, because the event contains the id of the user.

mod current_user;
mod day;
mod error;
mod routes;
mod schemas;
mod services;

service_kit::service!(routes::routes);
