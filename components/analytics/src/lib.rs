//! Events and their statistics.
//!
//! Events are documents, not rows, because their senders choose their properties. The sender also
//! chooses an event's id, so that an event that arrives twice is stored once.

mod error;
mod routes;
mod schemas;
mod services;
mod summaries;

use service_kit::Service;
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "analytics",
    version: env!("CARGO_PKG_VERSION"),
    description: "Events and their statistics.",
    openapi: include_str!("../openapi.json"),
    routes: routes::routes,
};

/// Answer one request. It is exported in the `.wasm` only: a native linker does not accept the
/// export's name, and unit tests run natively.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}

#[cfg(test)]
mod tests {
    use super::SERVICE;
    use service_kit::openapi;

    #[test]
    fn the_api_reference_describes_the_routes() {
        openapi::check(&SERVICE, env!("CARGO_MANIFEST_DIR")).unwrap();
    }
}
