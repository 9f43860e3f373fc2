//! The index of all services, and their combined health.
//!
//! The services are the peers that the gateway may call. Each describes its own routes, so a
//! new service needs no change here.

mod pages;
mod routes;
mod schemas;
mod services;

use service_kit::Service;
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "gateway",
    version: env!("CARGO_PKG_VERSION"),
    description: "The index, the health and the API reference of all services.",
    openapi: include_str!("../openapi.json"),
    routes: routes::routes,
};

/// Answers one request. It is exported in the `.wasm` only: a native linker does not accept the
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
