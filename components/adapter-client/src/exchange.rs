//! Sends a call to the adapter and reads the response.

use std::time::{Duration, Instant};

use adapter_contract::{VERSION, deadline};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{FullBody, Response, StatusCode};
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::failure::Failure;
use crate::request::{self, Request};
use crate::settings::{Settings, settings};

/// The request header with the version of the WIT package, whose types are the types on the wire.
const VERSION_HEADER: &str = "spindle-adapter-version";

/// The request headers with the ids of the service's own request.
const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";

/// The shortest time for a call. A host may take no time at all for no limit.
const SHORTEST: Duration = Duration::from_millis(1);

/// Limit of a response, in bytes. The adapter's own limits are far below it (4 MiB of documents, which
/// JSON in JSON doubles in the worst case). An instance has 64 MiB of memory.
const MAX_ANSWER: u64 = 16 << 20;

/// Calls `function`, such as `postgres/fetch`, with its arguments as a tuple.
pub(crate) async fn exchange<T: DeserializeOwned>(
    function: &str,
    arguments: &impl Serialize,
) -> Result<T, Failure> {
    // Before this call waits: afterwards the service may work for another request.
    let request = request::current();
    let settings = settings().await?;
    let arguments = serde_json::to_vec(arguments).map_err(|error| {
        Failure::Invalid(format!(
            "the arguments could not be written as JSON: {error}"
        ))
    })?;
    let answer = send(&settings, request, function, arguments).await?;
    serde_json::from_slice(&answer).map_err(|error| {
        Failure::Unavailable(format!("the adapter's response could not be read: {error}"))
    })
}

async fn send(
    settings: &Settings,
    served: Request,
    function: &str,
    arguments: Vec<u8>,
) -> Result<Bytes, Failure> {
    // Without a length, the body would be sent in chunks. The last chunk would wait for the receiver's
    // delayed acknowledgement, which costs 44 ms per call.
    let mut request = http::Request::post(format!("{}/{function}", settings.url))
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, arguments.len())
        .header(VERSION_HEADER, VERSION);
    if let Some(authorization) = &settings.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    for (name, id) in [
        (REQUEST_ID, served.request_id),
        (TRACEPARENT, served.traceparent),
    ] {
        if let Some(id) = id {
            request = request.header(name, id);
        }
    }
    let mut time = settings.deadline;
    if let Some(deadline) = served.deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        time = time.min(left.max(SHORTEST));
        request = request.header(deadline::HEADER, deadline::header(time));
    }
    let request = request
        .extension(RequestOptionsExtension(timeouts(time)))
        .body(FullBody::new(Bytes::from(arguments)))
        .map_err(|error| {
            Failure::Unavailable(format!(
                "`adapter_url` or `adapter_token` is not valid: {error}"
            ))
        })?;
    let response = spin_sdk::http::send(request)
        .await
        .map_err(|error| send_failure(&error, settings))?;
    let status = response.status();
    let body = read_body(response).await?;
    if status == StatusCode::OK {
        Ok(body)
    } else {
        Err(rejection(status, &body))
    }
}

/// Makes the host enforce the deadline, so that a call needs no timer in the component. The host's
/// default is 600 s. The timeout of the first byte includes connecting. The adapter writes a response
/// at once, so its other bytes arrive with the first.
fn timeouts(time: Duration) -> RequestOptions {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host may reject these options. It then applies its own timeouts.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

fn send_failure(error: &ErrorCode, settings: &Settings) -> Failure {
    match error {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => Failure::Timeout,
        other => Failure::Unavailable(format!(
            "calling the adapter at `{}` failed: {other}",
            settings.url
        )),
    }
}

async fn read_body(response: Response) -> Result<Bytes, Failure> {
    let length = response.headers().get(CONTENT_LENGTH);
    let length = length
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length <= MAX_ANSWER => {}
        Some(_) => {
            return Err(Failure::TooLarge(
                "the adapter's response is larger than 16 MiB".to_owned(),
            ));
        }
        None => {
            let reason = "the adapter's response has no `Content-Length`";
            return Err(Failure::Unavailable(reason.to_owned()));
        }
    }
    response.into_body().bytes().await.map_err(|error| {
        Failure::Unavailable(format!("the adapter's response ended early: {error:?}"))
    })
}

/// The failure for a rejected call. The adapter's response says why, unless the caller is unknown.
fn rejection(status: StatusCode, body: &[u8]) -> Failure {
    let reason = match status {
        StatusCode::UNAUTHORIZED => {
            "the adapter does not know this component: set `adapter_token` to \
             the token in the adapter's settings"
                .to_owned()
        }
        _ => format!(
            "the adapter answered {status}: {}",
            String::from_utf8_lossy(body)
        ),
    };
    match status {
        StatusCode::BAD_REQUEST => Failure::Invalid(reason),
        StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge(reason),
        _ => Failure::Unavailable(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejection_includes_text_of_adapter() {
        let busy = rejection(StatusCode::SERVICE_UNAVAILABLE, b"too many calls at once");
        assert!(matches!(busy, Failure::Unavailable(text) if text.contains("too many calls")));
        let large = rejection(StatusCode::PAYLOAD_TOO_LARGE, b"");
        assert!(matches!(large, Failure::TooLarge(_)));
        let unreadable = rejection(StatusCode::BAD_REQUEST, b"expected a list");
        assert!(matches!(unreadable, Failure::Invalid(_)));
        let unknown = rejection(StatusCode::UNAUTHORIZED, b"");
        assert!(matches!(unknown, Failure::Unavailable(text) if text.contains("adapter_token")));
    }
}
