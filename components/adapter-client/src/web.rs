//! Calls as HTTP requests, for an adapter that is called over TLS.

use std::time::Duration;

use adapter_contract::{VERSION, deadline};
use adapter_wire::MAX_ANSWER;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{FullBody, Response, StatusCode};
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::exchange::Call;
use crate::failure::Failure;
use crate::settings::Settings;

/// The request header with the version of the WIT package, whose types are the types on the wire.
const VERSION_HEADER: &str = "spindle-adapter-version";

/// The request headers with the ids of the service's own request.
const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";

/// Makes a call at `url` and returns its result.
pub(crate) async fn call(
    url: &str,
    settings: &Settings,
    call: &Call<'_>,
) -> Result<Vec<u8>, Failure> {
    let request = request(url, settings, call).map_err(|error| {
        Failure::Unavailable(format!(
            "`adapter_url` or `adapter_token` is not valid: {error}"
        ))
    })?;
    let response = spin_sdk::http::send(request)
        .await
        .map_err(|error| send_failure(&error, url))?;
    let status = response.status();
    let body = read_body(response).await?;
    if status == StatusCode::OK {
        Ok(body.into())
    } else {
        Err(rejection(status, &body))
    }
}

fn request(
    url: &str,
    settings: &Settings,
    call: &Call<'_>,
) -> http::Result<http::Request<FullBody<Bytes>>> {
    // Without a length, the body would be sent in chunks. The last chunk would wait for the receiver's
    // delayed acknowledgement, which costs 44 ms per call.
    let mut request = http::Request::post(format!("{url}/{}", call.function))
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, call.arguments.len())
        .header(VERSION_HEADER, VERSION);
    if !settings.token.is_empty() {
        request = request.header(AUTHORIZATION, format!("Bearer {}", settings.token));
    }
    for (name, id) in [
        (REQUEST_ID, &call.request.request_id),
        (TRACEPARENT, &call.request.traceparent),
    ] {
        if !id.is_empty() {
            request = request.header(name, id);
        }
    }
    if let Some(left) = call.time_left {
        request = request.header(deadline::HEADER, deadline::header(left));
    }
    request
        .extension(RequestOptionsExtension(timeouts(call.limit)))
        .body(FullBody::new(Bytes::copy_from_slice(call.arguments)))
}

/// Makes the host enforce the deadline, so that a call needs no timer in the component. The host's
/// default is 600 s. The timeout of the first byte includes connecting. The adapter writes a response
/// at once, so its other bytes arrive with the first.
fn timeouts(limit: Duration) -> RequestOptions {
    let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host may reject these options. It then applies its own timeouts.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

fn send_failure(error: &ErrorCode, url: &str) -> Failure {
    match error {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => Failure::Timeout,
        other => Failure::Unavailable(format!("calling the adapter at `{url}` failed: {other}")),
    }
}

async fn read_body(response: Response) -> Result<Bytes, Failure> {
    let length = response.headers().get(CONTENT_LENGTH);
    let length = length
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    match length {
        Some(length) if length <= MAX_ANSWER => {}
        Some(_) => return Err(Failure::answer_too_large()),
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
    let reason = || {
        format!(
            "the adapter answered {status}: {}",
            String::from_utf8_lossy(body)
        )
    };
    match status {
        StatusCode::UNAUTHORIZED => Failure::unknown_caller(),
        StatusCode::BAD_REQUEST => Failure::Invalid(reason()),
        StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge(reason()),
        _ => Failure::Unavailable(reason()),
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
