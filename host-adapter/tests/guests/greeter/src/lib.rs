//! A minimal service. No other component refers to it.

use service_kit::routing::{Routes, get, post};
use service_kit::{Answer, Service};
use spin_sdk::http::{IntoResponse, Request};

static SERVICE: Service = Service {
    name: "greeter",
    version: env!("CARGO_PKG_VERSION"),
    description: "Greets.",
    openapi: include_str!("../openapi.json"),
    routes,
};

fn routes(routes: Routes) -> Routes {
    routes
        .public("/api/v1/greetings", get(greet))
        .required("/api/v1/greetings", post(greet))
}

async fn greet() -> Answer<&'static str> {
    Answer::ok("Greeting", "hello")
}

/// Answers one request.
#[spin_sdk::http_service]
async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}
