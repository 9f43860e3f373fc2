//! The success format: `{"success": true, "message": …, "data": …}`.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::Problem;

/// Verifiers may cache the keys for this long. A new key must be published this long before it
/// signs tokens.
const PUBLIC_KEYS_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A success to be answered.
#[derive(Debug, Serialize)]
pub struct Answer<T> {
    success: bool,
    message: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
    #[serde(skip)]
    status: StatusCode,
    #[serde(skip)]
    private: bool,
}

impl<T: Serialize> Answer<T> {
    /// Answered with 200.
    #[must_use]
    pub fn ok(message: &'static str, data: T) -> Self {
        Self {
            success: true,
            message,
            data,
            warnings: Vec::new(),
            status: StatusCode::OK,
            private: false,
        }
    }

    /// Answered with 201.
    #[must_use]
    pub fn created(message: &'static str, data: T) -> Self {
        Self {
            status: StatusCode::CREATED,
            ..Self::ok(message, data)
        }
    }

    /// With personal data: no cache may keep it.
    #[must_use]
    pub fn private(self) -> Self {
        Self {
            private: true,
            ..self
        }
    }

    /// What the client should know about an answer that is not complete, as sentences.
    #[must_use]
    pub fn with_warnings(self, warnings: Vec<&'static str>) -> Self {
        Self { warnings, ..self }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(self.status, &self, self.private)
    }
}

/// A JSON response without the success format, for where a standard fixes the body's shape.
pub fn json(status: StatusCode, body: &impl Serialize, private: bool) -> Response {
    let body = match serde_json::to_vec(body) {
        Ok(body) => body,
        Err(error) => {
            return Problem::internal(format!("writing an answer: {error}")).into_response();
        }
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if private {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A JWK Set (RFC 7517) that is JSON text already.
#[must_use]
pub fn public_keys(jwk_set: String) -> Response {
    let mut response = Response::new(jwk_set.into());
    let content_type = HeaderValue::from_static("application/jwk-set+json");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, PUBLIC_KEYS_CACHING);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_the_success_format() {
        let answer = Answer::ok("User count", json!({"total_users": 1}));
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"success": true, "message": "User count", "data": {"total_users": 1}})
        );
    }

    #[test]
    fn private_answers_are_not_to_be_kept() {
        let response = Answer::created("Done", ()).private().into_response();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
