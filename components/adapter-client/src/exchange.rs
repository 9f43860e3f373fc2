//! One call: a request to the adapter, and its answer.

use adapter_contract::VERSION;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{FullBody, Response, StatusCode};
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::failure::Failure;

use crate::settings::{Settings, settings};

/// The request header with the version that this client speaks: that of the WIT package, because its
/// types are the types on the wire.
const VERSION_HEADER: &str = "spindle-adapter-version";

/// The largest answer that is read. The adapter's own limits end far below it (4 MiB of documents,
/// which JSON in JSON can at worst double); an instance has 64 MiB in all.
const MAX_ANSWER: u64 = 16 << 20;

/// Calls `function`, such as `postgres/fetch`, with its arguments as a tuple.
pub(crate) async fn exchange<T: DeserializeOwned>(
    function: &str,
    arguments: &impl Serialize,
) -> Result<T, Failure> {
    let settings = settings().await?;
    let arguments = serde_json::to_vec(arguments)
        .map_err(|error| Failure::Invalid(format!("writing the arguments: {error}")))?;
    let answer = send(&settings, function, arguments).await?;
    serde_json::from_slice(&answer).map_err(|error| {
        Failure::Unavailable(format!("the adapter's answer cannot be read: {error}"))
    })
}

async fn send(settings: &Settings, function: &str, arguments: Vec<u8>) -> Result<Bytes, Failure> {
    // Without its length a body would be sent in chunks, the last of which waits for the
    // receiver's delayed acknowledgement: 44 ms a call.
    let mut request = http::Request::post(format!("{}/{function}", settings.url))
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, arguments.len())
        .header(VERSION_HEADER, VERSION);
    if let Some(authorization) = &settings.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request
        .extension(RequestOptionsExtension(options(settings)))
        .body(FullBody::new(Bytes::from(arguments)))
        .map_err(|error| {
            Failure::Unavailable(format!("`adapter_url` or `adapter_token`: {error}"))
        })?;
    let response = spin_sdk::http::send(request)
        .await
        .map_err(|error| unsent(&error, settings))?;
    let status = response.status();
    let body = body(response).await?;
    if status == StatusCode::OK {
        Ok(body)
    } else {
        Err(refusal(status, &body))
    }
}

/// The host keeps the deadline, which spares a timer in here for each call. Its own would be 600 s.
/// The time to the first byte includes that of connecting; what follows the first byte of an answer
/// was written together with it.
fn options(settings: &Settings) -> RequestOptions {
    let nanoseconds = u64::try_from(settings.deadline.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host may refuse these, and then keeps deadlines of its own.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

fn unsent(error: &ErrorCode, settings: &Settings) -> Failure {
    match error {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => Failure::Timeout,
        other => Failure::Unavailable(format!("the adapter at `{}`: {other}", settings.url)),
    }
}

async fn body(response: Response) -> Result<Bytes, Failure> {
    let length = response.headers().get(CONTENT_LENGTH);
    let length = length
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length <= MAX_ANSWER => {}
        Some(_) => {
            return Err(Failure::TooLarge(
                "the adapter's answer is above 16 MiB".to_owned(),
            ));
        }
        None => {
            let reason = "the adapter's answer does not say its length";
            return Err(Failure::Unavailable(reason.to_owned()));
        }
    }
    response.into_body().bytes().await.map_err(|error| {
        Failure::Unavailable(format!("the adapter's answer ended early: {error:?}"))
    })
}

/// The adapter says in words what it did not like, except to those whom it does not know.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let reason = match status {
        StatusCode::UNAUTHORIZED => "the adapter does not know this component: `adapter_token` is \
             missing or not the one that the adapter was given"
            .to_owned(),
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
    fn a_refusal_is_told_in_the_adapters_words() {
        let busy = refusal(StatusCode::SERVICE_UNAVAILABLE, b"too many calls at once");
        assert!(matches!(busy, Failure::Unavailable(text) if text.contains("too many calls")));
        let large = refusal(StatusCode::PAYLOAD_TOO_LARGE, b"");
        assert!(matches!(large, Failure::TooLarge(_)));
        let unreadable = refusal(StatusCode::BAD_REQUEST, b"expected a list");
        assert!(matches!(unreadable, Failure::Invalid(_)));
        let unknown = refusal(StatusCode::UNAUTHORIZED, b"");
        assert!(matches!(unknown, Failure::Unavailable(text) if text.contains("adapter_token")));
    }
}
