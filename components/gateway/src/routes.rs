//! The routes of the gateway. It also answers 404 for every path that no service serves.

use axum::response::Response;
use service_kit::routing::{Routes, get};
use service_kit::{Answer, Result, answer, health};

use crate::schemas::Index;
use crate::services;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .public("/", get(index))
        .public("/health", get(health_of_all))
        .public("/.well-known/jwks.json", get(public_keys))
}

async fn index() -> Result<Answer<Index>> {
    let index = Index {
        name: "spindle",
        version: env!("CARGO_PKG_VERSION"),
        services: services::list_services().await?,
    };
    Ok(Answer::ok("Services", index))
}

async fn health_of_all() -> Response {
    let (status, services) = services::check_services().await;
    health::report(status, services)
}

async fn public_keys() -> Result<Response> {
    let keys = services::fetch_public_keys().await?;
    Ok(answer::public_keys(keys))
}
