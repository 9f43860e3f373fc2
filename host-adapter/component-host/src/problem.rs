//! The host's own error responses (RFC 9457), for requests that no component could answer.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::WasiBody;

/// Seconds after which a rejected client may try again: long enough for a burst to pass.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Longest request id that is accepted from a client, in bytes; the same limit as in service-kit.
const MAX_REQUEST_ID: usize = 128;

/// The parts of a request that a problem needs. They are copied before the component takes the
/// request.
pub(super) struct Head {
    pub(super) path: String,
    pub(super) request_id: String,
    started: Instant,
}

impl Head {
    pub(super) fn from_request<B>(request: &Request<B>) -> Self {
        let valid = |id: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(allowed)
        };
        let given = request
            .headers()
            .get(REQUEST_ID)
            .and_then(|id| id.to_str().ok());
        Self {
            path: request.uri().path().to_owned(),
            request_id: given.filter(valid).unwrap_or_default().to_owned(),
            started: Instant::now(),
        }
    }

    /// The headers of every response: the request's id, and the seconds it took.
    fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let id = if self.request_id.is_empty() {
            uuid::Uuid::now_v7().to_string()
        } else {
            self.request_id.clone()
        };
        let seconds = format!("{:.6}", self.started.elapsed().as_secs_f64());
        let value = |text: &str| HeaderValue::from_str(text);
        let empty = HeaderValue::from_static("");
        [
            (REQUEST_ID, value(&id).unwrap_or_else(|_| empty.clone())),
            (PROCESS_TIME, value(&seconds).unwrap_or(empty)),
        ]
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");

/// Why the host answered instead of the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// No route matches.
    NoRoute,
    /// The component trapped or returned an error. The log has the cause.
    Crashed,
    /// The component did not answer within the request timeout.
    TimedOut,
    /// The limit of concurrent requests or of instances is reached.
    Overloaded,
}

/// The names of all problems. The gateway has a page about each (service-kit's `problem/kinds.rs`).
pub const PROBLEMS: [&str; 4] = [
    Problem::NoRoute.parts().1,
    Problem::Crashed.parts().1,
    Problem::TimedOut.parts().1,
    Problem::Overloaded.parts().1,
];

impl Problem {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
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

    /// The response, with the same headers as a component's problems.
    pub(super) fn response(self, request: &Head) -> Response<WasiBody> {
        let (status, name, detail) = self.parts();
        let body = serde_json::json!({
            "type": format!("/problems/{name}"),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": detail,
            "instance": request.path,
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
        let fixed = HeaderValue::from_static;
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        headers.insert(header::X_FRAME_OPTIONS, fixed("DENY"));
        headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
        headers.insert(header::CACHE_CONTROL, fixed("no-store"));
        headers.extend(request.headers());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
