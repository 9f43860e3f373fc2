//! What belongs to no single service: an index of them, and the health of all.
//!
//! The services are the peers that the gateway is granted, and their routes are what they say about
//! themselves: a new service needs no change here.

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

/// Answer one request. Exported to the host in the `.wasm` only: the export's name is none that a
/// native linker takes, and unit tests run natively.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}
