//! One attempt: one HTTP exchange, bounded in time and size.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};

use super::{Error, retry::Outcome};

/// What is sent on every attempt of a call, but for the body, which is sealed anew each time.
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

/// Why there is none.
pub(super) enum Failure {
    /// As [`Outcome::NotSent`] or [`Outcome::Unknown`]: worth a retry, perhaps.
    Transport(Outcome, Error),
    /// Not worth one.
    Final(Error),
}

impl Exchange<'_> {
    pub(super) async fn run(
        &self,
        body: Option<String>,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        match tokio::time::timeout(limit, self.send(body)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Transport(Outcome::Unknown, Error::Timeout)),
        }
    }

    async fn send(&self, body: Option<String>) -> Result<Answer, Failure> {
        let mut request = self
            .http
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone());
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body);
        }
        let mut response = request.send().await.map_err(|error| transport(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
            if body.len() + chunk.len() > self.max_body {
                let error = Error::TooLarge(format!("the answer is above {} bytes", self.max_body));
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

fn transport(error: &reqwest::Error) -> Failure {
    let outcome = if error.is_connect() {
        Outcome::NotSent
    } else {
        Outcome::Unknown
    };
    tracing::debug!("call to a peer failed: {error:?}");
    let text = if error.is_connect() {
        "the peer cannot be reached"
    } else {
        "the connection to the peer broke"
    };
    Failure::Transport(outcome, Error::Unavailable(text.into()))
}

/// Only the form in seconds (RFC 9110, section 10.2.3); services of ours send no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
