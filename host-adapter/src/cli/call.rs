//! `host-adapter call`: a sealed request to a service, from the command line, with the operator's
//! key.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::Args;
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;

use super::{Invocation, envelope, print};
use adapter_capabilities::{
    dispatch::Dispatch,
    vault::{CLIENT, Envelopes, ExpectedClaims, MAX_ENVELOPE_BYTES, Purpose, SealRequest},
};

use crate::{assembly, config::Settings};

/// Longer than a service takes to answer (`host.request_timeout`, 15 s), on a slow way there.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer that is read: an envelope in its JSON object.
const MAX_ANSWER: usize = MAX_ENVELOPE_BYTES + 64;

const ENCRYPTED: HeaderName = HeaderName::from_static("x-service-communication");
const ENCRYPT_RESPONSE: HeaderName = HeaderName::from_static("x-encrypt-response");

/// Calling a service. The answer goes to standard output, opened; a status of 400 or above is a
/// failure.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The service.
    #[arg(long, value_name = "SERVICE")]
    to: String,
    /// The request's method. GET, HEAD and DELETE have no body, and ask for a sealed answer.
    #[arg(long, default_value = "POST")]
    method: Method,
    /// The request's path and query, such as `/api/v1/analytics/stats/rebuild`.
    #[arg(long)]
    path: String,
    /// Where the service is. By default where its peers find it (`peers.SERVICE.url`), else where the
    /// whole application is, served by `up` or by Spin (`listen.app`).
    #[arg(long)]
    url: Option<String>,
    /// An access token to send along.
    #[arg(long)]
    token: Option<String>,
    /// The body; read from standard input when it is not given.
    body: Option<String>,
}

/// What came back.
struct Answer {
    status: StatusCode,
    body: String,
}

#[derive(Deserialize)]
struct Sealed {
    encrypted_data: String,
}

pub(super) async fn run(command: Call, invocation: &Invocation) -> anyhow::Result<()> {
    let keys = assembly::keys(&invocation.settings)?;
    let envelopes = envelope::envelopes(&keys)?;
    let url = command.url(&invocation.settings)?;
    let (body, id) = command.sealed(&envelopes)?;
    let answer = tokio::time::timeout(TIMEOUT, command.send(&url, body))
        .await
        .with_context(|| format!("{url} does not answer within {} s", TIMEOUT.as_secs()))??;
    let opened = command.open(&answer, &envelopes, id.as_deref())?;
    print(&opened)?;
    let failed = answer.status.is_client_error() || answer.status.is_server_error();
    anyhow::ensure!(!failed, "`{}` answered {}", command.to, answer.status);
    Ok(())
}

impl Call {
    fn url(&self, settings: &Settings) -> anyhow::Result<String> {
        let peer = settings.peers.get(&self.to);
        let configured = self
            .url
            .as_ref()
            .or(peer.and_then(|peer| peer.url.as_ref()));
        let base = match configured {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => local(settings.listen.app)?,
        };
        anyhow::ensure!(self.path.starts_with('/'), "a path begins with `/`");
        Ok(format!("{base}{}", self.path))
    }

    /// The body as it is sent, and its envelope's id; none for methods that have none.
    fn sealed(&self, envelopes: &Envelopes) -> anyhow::Result<(Option<String>, Option<String>)> {
        if [Method::GET, Method::HEAD, Method::DELETE].contains(&self.method) {
            anyhow::ensure!(self.body.is_none(), "{} has no body", self.method);
            return Ok((None, None));
        }
        let sealing = SealRequest {
            issuer: CLIENT,
            audience: &self.to,
            method: self.method.as_str(),
            path: self.path_alone(),
            purpose: Purpose::Request,
        };
        let sealed = envelopes.seal(&envelope::input(self.body.as_deref())?, sealing)?;
        let body = serde_json::json!({ "encrypted_data": sealed.envelope });
        Ok((Some(body.to_string()), Some(sealed.id)))
    }

    async fn send(&self, url: &str, body: Option<String>) -> anyhow::Result<Answer> {
        let mut headers = HeaderMap::new();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(ENCRYPTED, HeaderValue::from_static("encrypted"));
        } else {
            headers.insert(ENCRYPT_RESPONSE, HeaderValue::from_static("true"));
        }
        let client = Dispatch::http_client()?;
        let mut request = client.request(self.method.clone(), url).headers(headers);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        // Without the address, which the context says already.
        let response = request.send().await.map_err(reqwest::Error::without_url);
        let mut response = response.with_context(|| format!("calling {url}"))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            anyhow::ensure!(
                body.len() + chunk.len() <= MAX_ANSWER,
                "the answer is above {MAX_ANSWER} bytes"
            );
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            body: String::from_utf8(body).context("the answer is not text")?,
        })
    }

    /// The answer's text. A plain one is taken from routes that seal nothing, and as a failure from
    /// whatever stands before the service, never as the success of a sealed request.
    fn open(
        &self,
        answer: &Answer,
        envelopes: &Envelopes,
        id: Option<&str>,
    ) -> anyhow::Result<String> {
        let Ok(sealed) = serde_json::from_str::<Sealed>(&answer.body) else {
            anyhow::ensure!(
                id.is_none() || !answer.status.is_success(),
                "the answer to a sealed request is not sealed"
            );
            return Ok(answer.body.clone());
        };
        let opening = ExpectedClaims {
            audience: CLIENT,
            issuers: std::slice::from_ref(&self.to),
            method: self.method.as_str(),
            path: self.path_alone(),
            purpose: Purpose::Response { in_reply_to: id },
        };
        let opened = envelopes.open(&sealed.encrypted_data, opening);
        Ok(opened.context("opening the answer")?.payload)
    }

    fn path_alone(&self) -> &str {
        self.path
            .split_once('?')
            .map_or(&self.path, |(path, _)| path)
    }
}

/// The address by which a listener is reached from here.
fn local(mut address: SocketAddr) -> anyhow::Result<String> {
    anyhow::ensure!(
        address.port() != 0,
        "the service listens on any free port: say where with `--url`"
    );
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr = if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(loopback);
    }
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_reached_on_this_machine() {
        let of = |address: &str| local(address.parse().unwrap());
        assert_eq!(of("127.0.0.1:8001").unwrap(), "http://127.0.0.1:8001");
        assert_eq!(of("0.0.0.0:80").unwrap(), "http://127.0.0.1:80");
        assert_eq!(of("[::]:80").unwrap(), "http://[::1]:80");
        assert!(of("127.0.0.1:0").is_err());
    }
}
