//! Sends sealed requests to the application.

use std::path::Path;

use adapter_capabilities::vault::{EnvelopeSettings, Envelopes, Purpose, SealRequest};
use anyhow::Context as _;
use host_adapter::{
    assembly,
    config::{Environment, Settings},
};
use hyper::Method;
use serde_json::{Value, json};

use crate::{hosts::Host, http::Http};

pub(crate) struct Client {
    pub(super) http: Http,
    envelopes: Envelopes,
}

impl Client {
    /// A client of a host, with the keys of its project.
    pub(crate) fn new(host: &Host) -> anyhow::Result<Self> {
        let project = host.project.as_ref().context("the host has no project")?;
        let project = &project.directory;
        let environment = Environment::load(project)?;
        let settings = Settings::load(project, Path::new("adapter.toml"), &environment)?;
        Ok(Self {
            http: Http::new(&host.url),
            envelopes: Envelopes::new(EnvelopeSettings::default(), &assembly::keys(&settings)?)?,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.http.get(path, None).await
    }

    /// Counts all events again, as the operator.
    pub(crate) async fn rebuild(&self) -> anyhow::Result<()> {
        let path = "/api/v1/analytics/stats/rebuild";
        loop {
            let answer = self.post_sealed("client", path, &json!({})).await?;
            if answer.pointer("/data/done") == Some(&json!(true)) {
                return Ok(());
            }
        }
    }

    /// Posts a body sealed by `issuer`, and opens the response.
    async fn post_sealed(&self, issuer: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.post(path, self.seal(issuer, path, body)?).await
    }

    /// Posts a sealed body, and opens the response.
    pub(super) async fn post(&self, path: &str, sealed: String) -> anyhow::Result<Value> {
        let answer = self.http.post(path, sealed).await?;
        let envelope = answer.get("encrypted_data").and_then(Value::as_str);
        let envelope = envelope.context("the response is not sealed")?;
        let opened = self.envelopes.inspect(envelope)?;
        Ok(serde_json::from_str(&opened.payload)?)
    }

    /// Seals a body for analytics.
    pub(super) fn seal(&self, issuer: &str, path: &str, body: &Value) -> anyhow::Result<String> {
        let sealing = SealRequest {
            issuer,
            audience: "analytics",
            method: Method::POST.as_str(),
            path,
            purpose: Purpose::Request,
        };
        let sealed = self.envelopes.seal(&body.to_string(), sealing)?;
        Ok(json!({ "encrypted_data": sealed.envelope }).to_string())
    }
}
