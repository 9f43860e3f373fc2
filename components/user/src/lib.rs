//! User accounts: registration, login, sessions, profiles and activities.
//!
//! A user and the analytics event about it are written in one transaction. This service generates the
//! ids, and not the database, because the event contains the id of the user.

mod current_user;
mod error;
mod routes;
mod schemas;
mod services;

use service_kit::Service;
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "user",
    version: env!("CARGO_PKG_VERSION"),
    description: "User accounts: registration, login, sessions, profiles and activities.",
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
