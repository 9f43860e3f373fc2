//! A component's calls: checked, sealed, tried and tried again, opened.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    DispatchSettings, Error, Peers, Request, Response,
    attempt::{Answer, Exchange, Failure},
    retry::{Outcome, Policy, is_idempotent},
};
use crate::{
    denied::denied,
    vault::{Envelopes, Opening, Purpose, Sealing},
};

/// Longest wait for a TCP connection. A peer on the same network accepts within milliseconds; a
/// second tells a dead one from a busy one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Idle connections kept per peer: as many as calls run at once under load, so that each finds one.
const IDLE_CONNECTIONS: usize = 64;

/// Longest idempotency key and request id, as in `wit/dispatch.wit`.
const MAX_HEADER: usize = 200;

/// One component's way to its peers.
#[derive(Clone)]
pub struct Dispatch {
    component: Arc<str>,
    granted: Arc<[String]>,
    peers: Arc<Peers>,
    envelopes: Arc<Envelopes>,
    settings: DispatchSettings,
    http: reqwest::Client,
}

/// The wire form of an envelope.
#[derive(Serialize, Deserialize)]
struct Sealed {
    encrypted_data: String,
}

impl Dispatch {
    /// The HTTP client that all components share, so that they share its connections.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be read.
    pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
    }

    /// `component` calls under its own name and may call `granted` only.
    #[must_use]
    pub fn new(
        component: &str,
        granted: &[String],
        peers: Arc<Peers>,
        envelopes: Arc<Envelopes>,
        settings: DispatchSettings,
        http: reqwest::Client,
    ) -> Self {
        Self {
            component: component.into(),
            granted: granted.into(),
            peers,
            envelopes,
            settings,
            http,
        }
    }

    /// The longest time that a call takes, attempts and pauses together.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Calls a peer and waits for its answer.
    ///
    /// # Errors
    ///
    /// See `dispatch.call` in `wit/dispatch.wit`.
    pub async fn call(&self, request: Request) -> Result<Response, Error> {
        let exchange = self.prepare(&request)?;
        let wanted = request
            .deadline_milliseconds
            .map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let timeout = self.settings.timeout;
        let deadline = Instant::now() + wanted.unwrap_or(timeout).min(timeout);
        let repeatable = is_idempotent(&request.method) || request.idempotency_key.is_some();
        let policy = Policy {
            attempts: self.settings.attempts,
            base: self.settings.backoff_base,
            cap: self.settings.backoff_cap,
        };
        let mut attempt = 1;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A call that may be repeated leaves half of the time for that; any other has one attempt
            // that matters.
            let share = if repeatable && attempt < policy.attempts {
                2
            } else {
                1
            };
            let (outcome, result) = self.attempt(&request, &exchange, left / share).await;
            let pause = outcome
                .and_then(|outcome| policy.pause(attempt, outcome, repeatable, rand::random()));
            match pause {
                Some(pause) if Instant::now() + pause < deadline => {
                    tracing::debug!("calling peer `{}` again after {pause:?}", request.peer);
                    tokio::time::sleep(pause).await;
                    attempt += 1;
                }
                _ => return result,
            }
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        exchange: &Exchange<'_>,
        limit: Duration,
    ) -> (Option<Outcome>, Result<Response, Error>) {
        let (body, id) = match self.body(request) {
            Ok(sealed) => sealed,
            Err(error) => return (None, Err(error)),
        };
        match exchange.run(body, limit).await {
            Err(Failure::Final(error)) => (None, Err(error)),
            Err(Failure::Transport(outcome, error)) => (Some(outcome), Err(error)),
            Ok(answer) => {
                let outcome = Outcome::Answered(answer.status, answer.retry_after);
                (Some(outcome), self.read(request, answer, id.as_deref()))
            }
        }
    }

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
            return Err(Error::Invalid("a sealed call needs a body".into()));
        }
        let size = request.body.as_ref().map_or(0, String::len);
        if size > self.settings.max_body {
            return Err(Error::TooLarge(format!(
                "the body is above {} bytes",
                self.settings.max_body
            )));
        }
        let method = match request.method.as_str() {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" => {
                Method::from_bytes(request.method.as_bytes())
            }
            other => return Err(Error::Invalid(format!("method `{other}` is not supported"))),
        };
        let base = self
            .peers
            .get(&request.peer)
            .ok_or_else(|| Error::Unavailable(format!("peer `{}` has no address", request.peer)))?;
        let url = format!("{}{}", base.as_str().trim_end_matches('/'), request.path)
            .parse()
            .map_err(|_| Error::Invalid(format!("path `{}` is not one", request.path)))?;
        Ok(Exchange {
            http: &self.http,
            method: method.map_err(|_| Error::Invalid("the method is not one".into()))?,
            url,
            headers: headers(request)?,
            // An envelope is a third larger than what it holds.
            max_body: if request.sealed {
                self.settings.max_body * 3 / 2
            } else {
                self.settings.max_body
            },
        })
    }

    /// The body to send, and the id of its envelope.
    fn body(&self, request: &Request) -> Result<(Option<String>, Option<String>), Error> {
        let Some(payload) = request.body.as_ref().filter(|_| request.sealed) else {
            return Ok((request.body.clone(), None));
        };
        let sealing = Sealing {
            issuer: &self.component,
            audience: &request.peer,
            method: &request.method,
            path: without_query(&request.path),
            purpose: Purpose::Request,
        };
        let sealed = self.envelopes.seal(payload, sealing).map_err(|error| {
            tracing::error!(
                "sealing a call of `{}` to `{}`: {error}",
                self.component,
                request.peer
            );
            Error::Unavailable("the call cannot be sealed".into())
        })?;
        let body = serde_json::to_string(&Sealed {
            encrypted_data: sealed.envelope,
        })
        .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok((Some(body), Some(sealed.id)))
    }

    fn read(&self, request: &Request, answer: Answer, id: Option<&str>) -> Result<Response, Error> {
        if let 502..=504 = answer.status {
            return Err(Error::Unavailable(format!(
                "peer `{}` answers {}",
                request.peer, answer.status
            )));
        }
        let body = String::from_utf8(answer.body).map_err(|_| Error::Untrusted)?;
        let Some(id) = id else {
            return Ok(Response {
                status: answer.status,
                body,
            });
        };
        let sealed: Sealed = serde_json::from_str(&body).map_err(|_| {
            tracing::warn!(
                "peer `{}` answered {} unsealed to a sealed call",
                request.peer,
                answer.status
            );
            Error::Untrusted
        })?;
        let issuers = std::slice::from_ref(&request.peer);
        let opening = Opening {
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
            .open(&sealed.encrypted_data, opening)
            .map_err(|_| Error::Untrusted)?;
        Ok(Response {
            status: answer.status,
            body: opened.payload,
        })
    }
}

fn headers(request: &Request) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        if value.is_empty()
            || value.len() > MAX_HEADER
            || !value.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Error::Invalid(format!(
                "`{name}` has 1 to {MAX_HEADER} visible ASCII characters"
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
