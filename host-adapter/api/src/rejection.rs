//! Why the API rejected a call.

use adapter_wire::Kind;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// A call that has no result of its function.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    /// The caller is not identified, so the response has no text.
    #[error("the caller is unknown")]
    UnknownCaller,
    /// This version does not have the function.
    #[error("there is no such function; a newer adapter-client needs a newer host-adapter")]
    Function,
    /// The method is not `POST`.
    #[error("call functions with `POST`")]
    Method,
    /// The versions of client and adapter are incompatible.
    #[error(
        "adapter-client speaks spindle:adapter {theirs} and host-adapter {ours}: upgrade {behind}"
    )]
    Version {
        theirs: String,
        ours: &'static str,
        behind: &'static str,
    },
    /// The arguments are not of the function's types.
    #[error("the arguments could not be read: {0}")]
    Unreadable(String),
    /// The wire cannot express the result.
    #[error("the result could not be written: {0}")]
    Unwritable(String),
    /// The call is larger than `server.max_body`.
    #[error("the call is larger than `server.max_body` ({limit} bytes)")]
    TooLarge { limit: usize },
    /// The component has `server.max_requests` calls in flight.
    #[error("the component has more calls in flight than `server.max_requests` allows")]
    TooManyCalls,
    /// The call took longer than `server.request_timeout`.
    #[error("the call took longer than `server.request_timeout`")]
    Timeout,
}

impl Rejection {
    /// adapter-client maps the status to an error of the called interface.
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownCaller => StatusCode::UNAUTHORIZED,
            Self::Function => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version { .. } => StatusCode::CONFLICT,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyCalls => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What the status is in a frame.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::UnknownCaller => Kind::UnknownCaller,
            Self::Unreadable(_) => Kind::Invalid,
            Self::TooLarge { .. } => Kind::TooLarge,
            _ => Kind::Unavailable,
        }
    }

    /// The reason in one word, for metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::UnknownCaller => "unknown-caller",
            Self::Function => "unknown-function",
            Self::Method => "method",
            Self::Version { .. } => "version",
            Self::Unreadable(_) => "unreadable",
            Self::Unwritable(_) => "unwritable",
            Self::TooLarge { .. } => "too-large",
            Self::TooManyCalls => "too-many-calls",
            Self::Timeout => "timeout",
        }
    }

    /// The sentence for the caller. One that is not identified learns nothing.
    pub(super) fn text(&self) -> String {
        match self {
            Self::UnknownCaller => String::new(),
            known => known.to_string(),
        }
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.text())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, plain);
        if matches!(self, Self::UnknownCaller) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
