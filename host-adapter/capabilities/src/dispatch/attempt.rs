//! One attempt: one HTTP exchange with limits on time and size.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};

use adapter_contract::deadline;
use adapter_telemetry::traces::{self, TRACEPARENT};

use super::{Error, retry::Outcome};

/// The parts of a request that are the same in every attempt. The body is not one of them, because each
/// attempt seals it again.
pub(super) struct Exchange<'a> {
    pub(super) http: &'a reqwest::Client,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) max_body: usize,
}

/// A peer's answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<Duration>,
}

/// Why an attempt has no answer.
pub(super) enum Failure {
    /// The connection failed. The outcome ([`Outcome::NotSent`] or [`Outcome::Unknown`]) decides whether
    /// to retry.
    Transport(Outcome, Error),
    /// A retry cannot succeed.
    Final(Error),
}

impl Exchange<'_> {
    /// Sends the request and waits at most `timeout` for the whole answer.
    pub(super) async fn send_with_timeout(
        &self,
        body: Option<String>,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        match tokio::time::timeout(timeout, self.send(body, timeout)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Transport(Outcome::Unknown, Error::Timeout)),
        }
    }

    async fn send(&self, body: Option<String>, timeout: Duration) -> Result<Answer, Failure> {
        let mut request = self
            .http
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone())
            // The peer gives up at that time, so that it does not work for a caller that has gone.
            .header(deadline::HEADER, deadline::header(timeout));
        // The peer's spans become children of this attempt.
        if let Some(position) = traces::current() {
            request = request.header(TRACEPARENT, position.to_string());
        }
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body);
        }
        let mut response = request
            .send()
            .await
            .map_err(|error| transport_failure(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| transport_failure(&error))?
        {
            if body.len() + chunk.len() > self.max_body {
                let error =
                    Error::TooLarge(format!("the answer is larger than {} bytes", self.max_body));
                return Err(Failure::Final(error));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            body,
        })
    }
}

fn transport_failure(error: &reqwest::Error) -> Failure {
    let outcome = if error.is_connect() {
        Outcome::NotSent
    } else {
        Outcome::Unknown
    };
    tracing::debug!("call to a peer failed: {error:?}");
    let text = if error.is_connect() {
        "the adapter cannot connect to the peer"
    } else {
        "the connection to the peer broke"
    };
    Failure::Transport(outcome, Error::Unavailable(text.into()))
}

/// Reads `Retry-After` in seconds (RFC 9110, section 10.2.3). Dates are ignored, because Spindle's
/// services do not send them.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
