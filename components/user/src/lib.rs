//! User accounts: registration, login, sessions, profiles and activities.
//!
//! A user and the analytics event about it are written in one transaction. Ids are made here and
//! not by the database, because the event has to name the user.

mod current_user;
mod error;
mod routes;
mod schemas;
mod services;

service_kit::service!(routes::routes);
