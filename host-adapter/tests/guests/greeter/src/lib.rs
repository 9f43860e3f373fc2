//! A minimal service. No other component refers to it.

use service_kit::Answer;
use service_kit::routing::{Routes, get, post};

service_kit::service!(routes);

fn routes(routes: Routes) -> Routes {
    routes
        .public("/api/v1/greetings", get(greet))
        .required("/api/v1/greetings", post(greet))
}

async fn greet() -> Answer<&'static str> {
    Answer::ok("Greeting", "hello")
}
