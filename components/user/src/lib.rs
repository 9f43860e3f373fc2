//! Accounts: registration, login and its sessions, profile, what users did.
//!
//! A user and the analytics event about it are written in one transaction, which is why ids are
//! made here and not by the database.

mod current_user;
mod routes;
mod schemas;
mod services;

use service_kit::Service;
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "user",
    version: env!("CARGO_PKG_VERSION"),
    routes: routes::routes,
};

/// Answer one request. Exported to the host in the `.wasm` only: the export's name is none that a
/// native linker takes, and unit tests run natively.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}
