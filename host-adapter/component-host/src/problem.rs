//! The host's own error responses (RFC 9457), for requests that no component could answer.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::WasiBody;

use super::cors::Cors;

/// Seconds after which a rejected client may try again: long enough for a burst to pass.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Longest request id that is accepted from a client, in bytes; the same limit as in service-kit.
const MAX_REQUEST_ID: usize = 128;

/// The parts of a request that the host needs. They are copied before the component takes the request.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) request_id: HeaderValue,
    /// The page that the request comes from, if a browser says so.
    pub(super) origin: Option<HeaderValue>,
    pub(super) started: Instant,
}

impl Head {
    /// Reads the head of `request`, and gives the request an id if the client has not sent a valid one.
    pub(super) fn from_request<B>(request: &mut Request<B>) -> Self {
        let valid = |id: &&HeaderValue| {
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
            (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(allowed)
        };
        let given = request.headers().get(REQUEST_ID).filter(valid).cloned();
        let request_id = given.unwrap_or_else(|| {
            let id = HeaderValue::try_from(uuid::Uuid::now_v7().to_string())
                .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
            request.headers_mut().insert(REQUEST_ID, id.clone());
            id
        });
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            request_id,
            origin: request.headers().get(header::ORIGIN).cloned(),
            started: Instant::now(),
        }
    }

    /// The request's id as a text. It is ASCII.
    pub(super) fn id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// The headers of every response: the request's id, and the seconds it took.
    fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let seconds = format!("{:.6}", self.started.elapsed().as_secs_f64());
        let seconds = HeaderValue::from_str(&seconds);
        let seconds = seconds.unwrap_or_else(|_| HeaderValue::from_static("0.000000"));
        [
            (REQUEST_ID, self.request_id.clone()),
            (PROCESS_TIME, seconds),
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
    /// The client sent the body too slowly.
    SlowBody,
}

/// The names of all problems. The gateway has a page about each (service-kit's `problem/kinds.rs`).
pub const PROBLEMS: [&str; 5] = [
    Problem::NoRoute.parts().1,
    Problem::Crashed.parts().1,
    Problem::TimedOut.parts().1,
    Problem::Overloaded.parts().1,
    Problem::SlowBody.parts().1,
];

impl Problem {
    /// The name in the problem's type, for metrics.
    pub(super) fn name(self) -> &'static str {
        self.parts().1
    }

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
            Self::SlowBody => (
                StatusCode::REQUEST_TIMEOUT,
                "request-timeout",
                "the body came too slowly",
            ),
        }
    }

    /// The response, with the same headers as a component's problems. Pages of the origins in `cors` may
    /// read it.
    pub(super) fn response(self, request: &Head, cors: &Cors) -> Response<WasiBody> {
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
        cors.add(request.origin.as_ref(), headers);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
