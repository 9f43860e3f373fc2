//! The answers that the host gives itself, when no component can: RFC 9457 problems.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::WasiBody;

/// Seconds after which a refused client may come back: long enough for a burst to pass.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why the host answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// No route matches.
    NoRoute,
    /// The component trapped or returned an error. Its cause is in the log.
    Crashed,
    /// The component did not answer within the request timeout.
    TimedOut,
    /// More requests than the host takes at once, or no room for another instance.
    Overloaded,
}

impl Problem {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NoRoute => (
                StatusCode::NOT_FOUND,
                "not-found",
                "no route matches this path",
            ),
            Self::Crashed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the service failed; the cause is in its log",
            ),
            Self::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                "the service did not answer in time",
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "too many requests at once, try again in a moment",
            ),
        }
    }

    /// The response, with the same headers that a component's problems have.
    pub(super) fn response(self, path: &str) -> Response<WasiBody> {
        let (status, name, detail) = self.parts();
        let body = serde_json::json!({
            "type": format!("/problems/{name}"),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": detail,
            "instance": path,
        });
        let body = Bytes::from(body.to_string());
        let length = body.len();
        let mut response = Response::new(
            Full::new(body)
                .map_err(|never| match never {})
                .boxed_unsync(),
        );
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CONTENT_LENGTH, length.into());
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
