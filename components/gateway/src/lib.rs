//! The index of all services, and their combined health.
//!
//! The services are the peers that the gateway may call. Each describes its own routes, so a
//! new service needs no change here.

mod routes;
mod schemas;
mod services;

use service_kit::Service;
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "gateway",
    version: env!("CARGO_PKG_VERSION"),
    routes: routes::routes,
};

/// Answers one request. It is exported in the `.wasm` only: a native linker does not accept the
/// export's name, and unit tests run natively.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}
