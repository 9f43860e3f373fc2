//! The index of all services, and their combined health.
//!
//! The services are the peers that the gateway may call. Each describes its own routes, so a
//! new service needs no change here.

mod pages;
mod routes;
mod schemas;
mod services;

service_kit::service!(routes::routes);
