//! What a client of the services does. Unlike [`super::client`], it keeps its connections, and an answer that
//! does not come is a value.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::app::PASSWORD;

pub(crate) const REGISTER: &str = "/api/v1/users/register";
pub(crate) const LOGIN: &str = "/api/v1/users/login";
pub(crate) const LOGOUT: &str = "/api/v1/users/logout";
pub(crate) const PROFILE: &str = "/api/v1/users/profile";
pub(crate) const EVENTS: &str = "/api/v1/analytics/events";

/// Status and body of an answer, or why there is none.
pub(crate) type Outcome = Result<(u16, Value), String>;

/// A client at one address.
#[derive(Clone)]
pub(crate) struct Customer {
    client: Client,
    base: String,
}

impl Customer {
    pub(crate) fn new(base: &str, timeout: Duration) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(timeout).build();
        Self {
            client: client.expect("a client"),
            base: base.to_owned(),
        }
    }

    /// Registers `name`. The name is also the idempotency key.
    pub(crate) async fn register(&self, name: &str) -> Outcome {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        let request = self.post(REGISTER).header("idempotency-key", name);
        send(with_json(request, body.to_string())).await
    }

    pub(crate) async fn log_in(&self, name: &str) -> Outcome {
        let body = json!({ "username": name, "password": PASSWORD });
        self.post_text(LOGIN, body.to_string()).await
    }

    /// Records an event whose id is also its name.
    pub(crate) async fn record_event(&self, token: &str, id: &str) -> Outcome {
        let body = json!({ "event_id": id, "event_type": "page_view", "event_name": id });
        let request = self.post(EVENTS).bearer_auth(token);
        send(with_json(request, body.to_string())).await
    }

    pub(crate) async fn log_out(&self, token: &str) -> Outcome {
        send(self.post(LOGOUT).bearer_auth(token)).await
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Outcome {
        let request = self.client.get(format!("{}{path}", self.base));
        send(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    }

    /// Sends a body that is JSON already, such as a sealed one.
    pub(crate) async fn post_text(&self, path: &str, body: String) -> Outcome {
        send(with_json(self.post(path), body)).await
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }
}

/// The access token in the answer to a login.
pub(crate) fn token(answer: &Value) -> String {
    answer["access_token"].as_str().expect("a token").to_owned()
}

fn with_json(request: RequestBuilder, body: String) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body)
}

async fn send(request: RequestBuilder) -> Outcome {
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok((status, body))
}
