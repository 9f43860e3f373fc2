//! A component's calls to its peers: checks, encryption and retries.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::Instrument as _;

use adapter_contract::deadline;

use super::{
    DispatchSettings, Error, Peers, Request, Response,
    attempt::{Answer, Exchange, Failure},
    circuits::{Circuit, Circuits},
    observed::Observed,
    problem,
    retry::{Outcome, RetryPolicy, is_idempotent},
};
use crate::{
    denied::denied,
    metrics::METRICS,
    vault::{Envelopes, ExpectedClaims, Purpose, SealRequest},
};

/// Longest wait for a TCP connection. A peer on the same network accepts a connection within
/// milliseconds, even if it is busy.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Idle connections that are kept per peer: enough for the calls that run at once under load.
const IDLE_CONNECTIONS: usize = 64;

/// Longest idempotency key and request id, as in `wit/dispatch.wit`.
const MAX_HEADER: usize = 200;

/// Calls the peers of one component.
#[derive(Clone)]
pub struct Dispatch {
    component: Arc<str>,
    granted: Arc<[String]>,
    peers: Arc<Peers>,
    envelopes: Arc<Envelopes>,
    settings: DispatchSettings,
    http: reqwest::Client,
    circuits: Arc<Circuits>,
}

/// The wire form of an envelope.
#[derive(Serialize, Deserialize)]
struct Sealed {
    encrypted_data: String,
}

impl Dispatch {
    /// Creates the HTTP client. All components use the same client, so that they share its connections.
    ///
    /// # Errors
    ///
    /// [`reqwest::Error`] if the system's certificates cannot be read.
    pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
    }

    /// Creates the calls of `component`, which may call only the peers in `granted`.
    #[must_use]
    pub fn new(
        component: &str,
        granted: &[String],
        peers: Arc<Peers>,
        envelopes: Arc<Envelopes>,
        settings: DispatchSettings,
        http: reqwest::Client,
    ) -> Self {
        let component: Arc<str> = component.into();
        Self {
            circuits: Arc::new(Circuits::new(&component, granted, &settings)),
            component,
            granted: granted.into(),
            peers,
            envelopes,
            settings,
            http,
        }
    }

    /// The peers that the component may call.
    #[must_use]
    pub fn granted(&self) -> &[String] {
        &self.granted
    }

    /// Calls a peer and waits for its answer.
    ///
    /// # Errors
    ///
    /// See `dispatch.call` in `wit/dispatch.wit`.
    pub async fn call(&self, request: Request) -> Result<Response, Error> {
        let exchange = self.prepare(&request)?;
        let requested = request
            .deadline_milliseconds
            .map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let timeout = self.settings.timeout;
        let timeout = requested.unwrap_or(timeout).min(timeout);
        // The caller of the component's own request may wait for less.
        let timeout = deadline::left().map_or(timeout, |left| left.min(timeout));
        let deadline = Instant::now() + timeout;
        let repeatable = is_idempotent(&request.method) || request.idempotency_key.is_some();
        let policy = RetryPolicy {
            attempts: self.settings.attempts,
            base: self.settings.backoff_base,
            cap: self.settings.backoff_cap,
        };
        let circuit = self.circuit(&request.peer)?;
        circuit.call();
        let mut permit = circuit.admit().ok_or_else(|| paused(&request.peer))?;
        let mut attempt = 1;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = if repeatable && attempt < policy.attempts {
                share_of(left, attempt)
            } else {
                left
            };
            let observed = Observed::begin(&self.component, &request.peer, &exchange, attempt);
            let called = self.attempt(&request, &exchange, timeout);
            let (outcome, result) = called.instrument(observed.span.clone()).await;
            permit.end(outcome);
            observed.finish(outcome, &result);
            let pause = outcome.and_then(|outcome| {
                policy.next_pause(attempt, outcome, repeatable, rand::random())
            });
            let pause = pause.filter(|pause| Instant::now() + *pause < deadline);
            let Some(pause) = pause.filter(|_| circuit.take_retry()) else {
                return result;
            };
            tracing::debug!("calling peer `{}` again after {pause:?}", request.peer);
            tokio::time::sleep(pause).await;
            // The breaker may have opened meanwhile.
            let Some(next) = circuit.admit() else {
                return result;
            };
            METRICS.retry(&self.component, &request.peer);
            permit = next;
            attempt += 1;
        }
    }

    /// The circuit of a peer. There is one for each granted peer.
    fn circuit(&self, peer: &str) -> Result<&Circuit, Error> {
        let circuit = self.circuits.get(peer);
        circuit.ok_or_else(|| {
            Error::Denied(denied(&self.component, &format!("peer `{peer}`")).to_string())
        })
    }

    /// Makes one attempt. The outcome is `None` if a retry cannot succeed.
    async fn attempt(
        &self,
        request: &Request,
        exchange: &Exchange<'_>,
        timeout: Duration,
    ) -> (Option<Outcome>, Result<Response, Error>) {
        let (body, id) = match self.seal_body(request) {
            Ok(sealed) => sealed,
            Err(error) => return (None, Err(error)),
        };
        match exchange.send_with_timeout(body, timeout).await {
            Err(Failure::Final(error)) => (None, Err(error)),
            Err(Failure::Transport(outcome, error)) => (Some(outcome), Err(error)),
            Ok(answer) => {
                let outcome = Outcome::Answered(answer.status, answer.retry_after);
                (
                    Some(outcome),
                    self.open_answer(request, answer, id.as_deref()),
                )
            }
        }
    }

    /// Checks a request and builds the parts that all attempts share.
    fn prepare(&self, request: &Request) -> Result<Exchange<'_>, Error> {
        if !self.granted.contains(&request.peer) {
            let denied = denied(&self.component, &format!("peer `{}`", request.peer));
            return Err(Error::Denied(denied.to_string()));
        }
        if !request.path.starts_with('/') {
            return Err(Error::Invalid(format!(
                "path `{}` does not begin with `/`",
                request.path
            )));
        }
        if request.sealed && request.body.is_none() {
            return Err(Error::Invalid("a sealed call must have a body".into()));
        }
        let size = request.body.as_ref().map_or(0, String::len);
        if size > self.settings.max_body {
            return Err(Error::TooLarge(format!(
                "the body is larger than {} bytes",
                self.settings.max_body
            )));
        }
        let method = match request.method.as_str() {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" => {
                Method::from_bytes(request.method.as_bytes())
            }
            other => {
                return Err(Error::Invalid(format!(
                    "method `{other}` is not supported; use GET, HEAD, POST, PUT, PATCH or DELETE"
                )));
            }
        };
        let base = self.peers.get(&request.peer).ok_or_else(|| {
            Error::Unavailable(format!(
                "peer `{}` has no address in the adapter's configuration",
                request.peer
            ))
        })?;
        let url = format!("{}{}", base.as_str().trim_end_matches('/'), request.path)
            .parse()
            .map_err(|_| Error::Invalid(format!("path `{}` is not valid", request.path)))?;
        Ok(Exchange {
            http: &self.http,
            method: method.map_err(|_| Error::Invalid("the method is not valid".into()))?,
            url,
            headers: headers(request)?,
            // An envelope is a third larger than its payload.
            max_body: if request.sealed {
                self.settings.max_body * 3 / 2
            } else {
                self.settings.max_body
            },
        })
    }

    /// Returns the body to send, and the id of its envelope if the call is sealed.
    fn seal_body(&self, request: &Request) -> Result<(Option<String>, Option<String>), Error> {
        let Some(payload) = request.body.as_ref().filter(|_| request.sealed) else {
            return Ok((request.body.clone(), None));
        };
        let seal_request = SealRequest {
            issuer: &self.component,
            audience: &request.peer,
            method: &request.method,
            path: without_query(&request.path),
            purpose: Purpose::Request,
        };
        let sealed = self
            .envelopes
            .seal(payload, seal_request)
            .map_err(|error| {
                tracing::error!(
                    "cannot seal a call of `{}` to `{}`: {error}",
                    self.component,
                    request.peer
                );
                Error::Unavailable("the call could not be sealed".into())
            })?;
        let body = serde_json::to_string(&Sealed {
            encrypted_data: sealed.envelope,
        })
        .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok((Some(body), Some(sealed.id)))
    }

    fn open_answer(
        &self,
        request: &Request,
        answer: Answer,
        id: Option<&str>,
    ) -> Result<Response, Error> {
        let Answer { status, body, .. } = answer;
        let body = String::from_utf8(body);
        if let 502..=504 = status {
            let answer = self.describe_failure(request, status, &body.unwrap_or_default(), id);
            let peer = &request.peer;
            return Err(Error::Unavailable(format!(
                "peer `{peer}` answered {answer}"
            )));
        }
        let body = body.map_err(|_| Error::Untrusted)?;
        let Some(id) = id else {
            return Ok(Response { status, body });
        };
        let sealed: Sealed = serde_json::from_str(&body).map_err(|_| {
            tracing::warn!(
                "peer `{}` answered a sealed call with a body that is not sealed: {}",
                request.peer,
                problem::describe(status, &body)
            );
            Error::Untrusted
        })?;
        let body = self.open_body(request, &sealed, id)?;
        Ok(Response { status, body })
    }

    /// The answer of a peer that cannot do its work, in words. A proxy may have sent it, so it need not
    /// be sealed.
    fn describe_failure(
        &self,
        request: &Request,
        status: u16,
        body: &str,
        id: Option<&str>,
    ) -> String {
        let sealed = serde_json::from_str::<Sealed>(body).ok();
        let opened = sealed.zip(id).and_then(|(sealed, id)| {
            let opened = self.open_body(request, &sealed, id);
            opened.ok()
        });
        problem::describe(status, opened.as_deref().unwrap_or(body))
    }

    fn open_body(&self, request: &Request, sealed: &Sealed, id: &str) -> Result<String, Error> {
        let issuers = std::slice::from_ref(&request.peer);
        let expected = ExpectedClaims {
            audience: &self.component,
            issuers,
            method: &request.method,
            path: without_query(&request.path),
            purpose: Purpose::Response {
                in_reply_to: Some(id),
            },
        };
        let opened = self
            .envelopes
            .open(&sealed.encrypted_data, expected)
            .map_err(|_| Error::Untrusted)?;
        Ok(opened.payload)
    }
}

/// The time of an attempt that may be repeated after a timeout. The first gets most of the time, because a
/// slow peer becomes slower if it works on the same call again and again. The rest is for an attempt that finds
/// another connection, or another instance of the peer.
fn share_of(left: Duration, attempt: u32) -> Duration {
    if attempt == 1 { left * 4 / 5 } else { left / 2 }
}

fn paused(peer: &str) -> Error {
    Error::Unavailable(format!(
        "peer `{peer}` failed many times in a row, and is not called for a moment"
    ))
}

fn headers(request: &Request) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        if value.is_empty()
            || value.len() > MAX_HEADER
            || !value.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Error::Invalid(format!(
                "`{name}` must have 1 to {MAX_HEADER} visible ASCII characters"
            )));
        }
        let value =
            HeaderValue::from_str(value).map_err(|error| Error::Invalid(error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    if let Some(key) = &request.idempotency_key {
        add("idempotency-key", key)?;
    }
    if let Some(id) = &request.request_id {
        add("x-request-id", id)?;
    }
    if request.sealed {
        add("x-service-communication", "encrypted")?;
    }
    Ok(headers)
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}
