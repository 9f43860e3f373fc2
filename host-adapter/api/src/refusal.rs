//! Why a call has no result.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// A call that did not get as far as a function's own result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Nobody knows who calls, so nobody is told anything.
    #[error("the caller is unknown")]
    Unknown,
    /// There is no such function in this version.
    #[error("there is no such function; a newer adapter-client needs a newer host-adapter")]
    Function,
    /// Everything is `POST`.
    #[error("functions are called by `POST`")]
    Method,
    /// The two sides speak different versions.
    #[error(
        "adapter-client speaks spindle:adapter {theirs} and host-adapter {ours}: upgrade {behind}"
    )]
    Version {
        theirs: String,
        ours: &'static str,
        behind: &'static str,
    },
    /// Not JSON, or not this function's arguments.
    #[error("the arguments cannot be read: {0}")]
    Unreadable(String),
    /// A result that JSON cannot express.
    #[error("the result cannot be written: {0}")]
    Unwritable(String),
    /// Beyond `server.max_body`.
    #[error("the call is above `server.max_body` ({limit} bytes)")]
    TooLarge { limit: usize },
    /// Beyond `server.max_requests`.
    #[error("the component has more calls in flight than `server.max_requests` allows")]
    TooMany,
    /// Beyond `server.request_timeout`.
    #[error("the call took longer than `server.request_timeout`")]
    TooSlow,
}

impl Refusal {
    /// adapter-client turns the status into an error of the interface that was called.
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Function => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version { .. } => StatusCode::CONFLICT,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let text = match self {
            Self::Unknown => String::new(),
            known => known.to_string(),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, plain);
        if matches!(self, Self::Unknown) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
