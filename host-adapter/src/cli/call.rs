//! `host-adapter call`: sends a sealed request to a service with the operator's key.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;

use super::{Invocation, envelope, local_url::local_url, print};
use adapter_capabilities::{
    dispatch::Dispatch,
    vault::{CLIENT, Envelopes, ExpectedClaims, MAX_ENVELOPE_BYTES, Purpose, SealRequest},
};

use crate::{assembly, config::Settings};

/// Longer than a service may take to answer (`host.request_timeout`, 15 s), to allow for a slow
/// network.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Limit of the answer's size, in bytes: the largest envelope in its JSON object.
const MAX_ANSWER: usize = MAX_ENVELOPE_BYTES + 64;

const ENCRYPTED: HeaderName = HeaderName::from_static("x-service-communication");
const ENCRYPT_RESPONSE: HeaderName = HeaderName::from_static("x-encrypt-response");

/// Calls a service. The opened answer goes to standard output. A status of 400 or above is an error.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The service.
    #[arg(long, value_name = "SERVICE")]
    to: String,
    /// The request's method. GET, HEAD and DELETE have no body, and request a sealed answer.
    #[arg(long, default_value = "POST")]
    method: Method,
    /// The request's path and query, such as `/api/v1/analytics/stats/rebuild`.
    #[arg(long)]
    path: String,
    /// The service's URL. The default is the URL for its peers (`peers.SERVICE.url`), or else the
    /// address of the whole application on `up` or Spin (`listen.app`).
    #[arg(long)]
    url: Option<String>,
    /// An access token to send with the request.
    #[arg(long)]
    token: Option<String>,
    /// The body. Without it, the body is read from standard input.
    body: Option<String>,
}

/// The service's response.
struct Answer {
    status: StatusCode,
    body: String,
}

#[derive(Deserialize)]
struct Sealed {
    encrypted_data: String,
}

pub(super) async fn run(command: Call, invocation: &Invocation) -> anyhow::Result<()> {
    let settings = &invocation.settings;
    envelope::check_request(&command.to, &command.path, settings)?;
    let url = command.url(settings)?;
    let token = command.token.as_deref().map(bearer).transpose()?;
    let keys = assembly::keys(settings)?;
    let envelopes = envelope::envelopes(&keys)?;
    let (body, id) = command.seal_body(&envelopes)?;
    let answer = tokio::time::timeout(TIMEOUT, command.send(url.clone(), token, body))
        .await
        .with_context(|| format!("`{url}` did not answer within {} s", TIMEOUT.as_secs()))??;
    let opened = command.open(&answer, &envelopes, id.as_deref())?;
    print(&opened)?;
    let failed = answer.status.is_client_error() || answer.status.is_server_error();
    anyhow::ensure!(!failed, "`{}` answered {}", command.to, answer.status);
    Ok(())
}

/// The header that carries an access token (RFC 6750, section 2.1).
fn bearer(token: &str) -> anyhow::Result<HeaderValue> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .context("`--token` is not a token: a header cannot hold it")?;
    header.set_sensitive(true);
    Ok(header)
}

impl Call {
    fn url(&self, settings: &Settings) -> anyhow::Result<Url> {
        let peer = settings.peers.get(&self.to);
        let configured = self
            .url
            .as_ref()
            .or(peer.and_then(|peer| peer.url.as_ref()));
        let base = match configured {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => local_url("listen.app", settings.listen.app).context("`--url` is not set")?,
        };
        let url = Url::parse(&format!("{base}{}", self.path)).ok();
        url.filter(|url| ["http", "https"].contains(&url.scheme()))
            .with_context(|| {
                format!("`--url` must be a URL such as `http://127.0.0.1:3000`, got `{base}`")
            })
    }

    /// Seals the body, and returns it with the envelope's id. Both are `None` if the method has no body.
    fn seal_body(&self, envelopes: &Envelopes) -> anyhow::Result<(Option<String>, Option<String>)> {
        if [Method::GET, Method::HEAD, Method::DELETE].contains(&self.method) {
            anyhow::ensure!(
                self.body.is_none(),
                "a {} request has no body; omit it or choose another `--method`",
                self.method
            );
            return Ok((None, None));
        }
        let sealing = SealRequest {
            issuer: CLIENT,
            audience: &self.to,
            method: self.method.as_str(),
            path: self.path_without_query(),
            purpose: Purpose::Request,
        };
        let sealed = envelopes.seal(&envelope::read_body(self.body.as_deref())?, sealing)?;
        let body = serde_json::json!({ "encrypted_data": sealed.envelope });
        Ok((Some(body.to_string()), Some(sealed.id)))
    }

    async fn send(
        &self,
        url: Url,
        token: Option<HeaderValue>,
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        let mut headers = HeaderMap::new();
        headers.extend(token.map(|token| (AUTHORIZATION, token)));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(ENCRYPTED, HeaderValue::from_static("encrypted"));
        } else {
            headers.insert(ENCRYPT_RESPONSE, HeaderValue::from_static("true"));
        }
        let client = Dispatch::http_client()?;
        let request = client.request(self.method.clone(), url.clone());
        let mut request = request.headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        // The context already has the URL.
        let response = request.send().await.map_err(reqwest::Error::without_url);
        let mut response = response.with_context(|| format!("calling `{url}`"))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            anyhow::ensure!(
                body.len() + chunk.len() <= MAX_ANSWER,
                "the answer is larger than {MAX_ANSWER} bytes"
            );
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            body: String::from_utf8(body).context("the answer is not UTF-8")?,
        })
    }

    /// Returns the answer's text. A plain answer is valid if the request was not sealed, or if the
    /// status is an error, which a proxy may have sent. A success after a sealed request must be sealed.
    fn open(
        &self,
        answer: &Answer,
        envelopes: &Envelopes,
        id: Option<&str>,
    ) -> anyhow::Result<String> {
        let Ok(sealed) = serde_json::from_str::<Sealed>(&answer.body) else {
            anyhow::ensure!(
                id.is_none() || !answer.status.is_success(),
                "the service did not seal its answer to a sealed request"
            );
            return Ok(answer.body.clone());
        };
        let opening = ExpectedClaims {
            audience: CLIENT,
            issuers: std::slice::from_ref(&self.to),
            method: self.method.as_str(),
            path: self.path_without_query(),
            purpose: Purpose::Response { in_reply_to: id },
        };
        let opened = envelopes.open(&sealed.encrypted_data, opening);
        Ok(opened.context("opening the answer")?.payload)
    }

    fn path_without_query(&self) -> &str {
        self.path
            .split_once('?')
            .map_or(&self.path, |(path, _)| path)
    }
}
