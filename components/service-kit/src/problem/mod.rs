//! Problems: errors in the form of RFC 9457, for clients and for the log.
//!
//! All services use this type for all errors. The client receives `detail`. Only the log receives
//! `cause`.

mod adapter_errors;
pub mod kinds;

use std::borrow::Cow;
use std::fmt;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::exchange;
use crate::openapi::Schema;
pub use kinds::Kind;

/// Seconds after which a client may repeat a request that was answered `unavailable`: about as long as
/// a database takes to restart, or a full queue of password hashes to empty.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// An error that is answered to a client.
#[derive(Debug)]
pub struct Problem {
    kind: &'static Kind,
    detail: Option<Cow<'static, str>>,
    cause: Option<String>,
    errors: Vec<FieldError>,
    challenge: Option<&'static str>,
    retry_after: Option<u32>,
}

/// One invalid field of a request (422).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub struct FieldError {
    /// Where in the document (RFC 6901), such as `/email`.
    pub pointer: String,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What is wrong, for programs, such as `too_long`.
    pub code: &'static str,
}

impl Problem {
    /// Creates a problem with the detail of its kind.
    #[must_use]
    pub fn of(kind: &'static Kind) -> Self {
        Self {
            kind,
            detail: None,
            cause: None,
            errors: Vec::new(),
            challenge: None,
            retry_after: None,
        }
    }

    /// Creates a problem with another detail: a sentence for the client.
    #[must_use]
    pub fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::of(kind)
        }
    }

    /// A mistake in this program or its configuration: 500 without a detail; `cause` is for the log.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::of(&kinds::INTERNAL)
        }
    }

    /// A dependency does not answer: 503; `cause` is for the log.
    #[must_use]
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::of(&kinds::UNAVAILABLE)
        }
    }

    /// The access token of the request is not acceptable: 401. `detail` says why to the client.
    #[must_use]
    pub fn invalid_token(detail: &'static str) -> Self {
        Self::new(&kinds::UNAUTHENTICATED, detail)
            .with_challenge(r#"Bearer realm="spindle", error="invalid_token""#)
    }

    /// All invalid fields of a request: 422.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::of(&kinds::INVALID_FIELDS)
        }
    }

    /// The seconds after which the client may repeat the request: the value of `Retry-After` with a 429 or
    /// a 503.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The value of `WWW-Authenticate` with a 401 (RFC 6750); by default it asks for a token.
    #[must_use]
    fn with_challenge(self, challenge: &'static str) -> Self {
        Self {
            challenge: Some(challenge),
            ..self
        }
    }

    /// Returns the HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status
    }

    /// Returns the invalid fields.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Returns the kind of the problem.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// What is said to the client.
    pub(crate) fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.kind.detail)
    }

    /// Logs a problem that has a cause, and that a caller may not do something. A mistake of the client has no
    /// cause.
    fn log(&self) {
        let (problem, status) = (self.kind.name, self.kind.status);
        match status {
            _ if self.kind.name == kinds::FORBIDDEN.name => {
                tracing::warn!(problem, status, "rejected a request: {self}");
            }
            _ if self.cause.is_none() => {}
            503 => tracing::warn!(problem, status, "could not serve a request: {self}"),
            _ => tracing::error!(problem, status, "could not serve a request: {self}"),
        }
    }
}

/// For log lines: the cause, or the detail if there is none.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.cause.as_deref().unwrap_or(self.detail()))
    }
}

/// The fields of RFC 9457, and ours for invalid fields.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let exchange = exchange::current();
        let document = Document {
            r#type: self.kind.type_path(),
            title: self.kind.title,
            status: self.kind.status,
            detail: self.detail(),
            instance: exchange.as_ref().map_or("", |e| e.uri.path()),
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(body.into());
        *response.status_mut() =
            StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let problem_json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, problem_json);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.kind.status {
            401 => {
                let challenge = self.challenge.unwrap_or(r#"Bearer realm="spindle""#);
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
            429 | 503 => {
                let seconds = self.retry_after.map(HeaderValue::from);
                headers.insert(RETRY_AFTER, seconds.unwrap_or(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block_on;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    fn body(problem: Problem) -> Value {
        let body = problem.into_response().into_body();
        let bytes = block_on(body.collect()).unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn the_cause_stays_in_the_log() {
        let body = body(Problem::internal("connection `primary` refused"));
        assert_eq!(body["status"], 500);
        assert!(!body.to_string().contains("primary"));
    }

    #[test]
    fn invalid_fields_are_listed() {
        let error = FieldError {
            pointer: "/email".to_owned(),
            message: "`email` is required.".to_owned(),
            code: "required",
        };
        let body = body(Problem::invalid_fields(vec![error]));
        assert_eq!(body["type"], "/problems/invalid-fields");
        assert_eq!(
            body["errors"],
            json!([{"pointer": "/email", "message": "`email` is required.", "code": "required"}])
        );
    }

    #[test]
    fn statuses_bring_their_headers() {
        let response = Problem::of(&kinds::UNAUTHENTICATED).into_response();
        assert!(response.headers().contains_key(WWW_AUTHENTICATE));
        let response = Problem::unavailable("gone").into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let response = Problem::unavailable("gone").with_retry_after(30);
        assert_eq!(response.into_response().headers()[RETRY_AFTER], "30");
        let response = Problem::unavailable("gone").into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
