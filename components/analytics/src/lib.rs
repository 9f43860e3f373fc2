//! Events and their statistics.
//!
//! Events are documents, not rows: what they carry is up to those who send them. An event's id is
//! chosen by its sender, so that an event that arrives twice is stored once.

mod routes;
mod schemas;
mod services;
mod summaries;

use service_kit::Service;
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "analytics",
    version: env!("CARGO_PKG_VERSION"),
    routes: routes::routes,
};

/// Answer one request. Exported to the host in the `.wasm` only: the export's name is none that a
/// native linker takes, and unit tests run natively.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}
