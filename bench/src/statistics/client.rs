//! Sends plain and sealed requests to the application.

use std::path::Path;

use adapter_capabilities::vault::{EnvelopeSettings, Envelopes, Purpose, SealRequest};
use anyhow::Context as _;
use bytes::Bytes;
use host_adapter::{
    assembly,
    config::{Environment, Settings},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode, header::CONTENT_TYPE};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

pub(crate) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    app: String,
    envelopes: Envelopes,
}

impl Client {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let project = crate::store::variable("PROJECT")?;
        let project = Path::new(&project);
        let environment = Environment::load(project)?;
        let settings = Settings::load(project, Path::new("adapter.toml"), &environment)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            app: crate::store::variable("APP")?,
            envelopes: Envelopes::new(EnvelopeSettings::default(), &assembly::keys(&settings)?)?,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let (status, body) = self.send(Method::GET, path, String::new()).await?;
        anyhow::ensure!(status.is_success(), "{path}: {status}");
        Ok(serde_json::from_slice(&body)?)
    }

    /// Posts a body sealed by `issuer`, and opens the response.
    pub(crate) async fn post_sealed(
        &self,
        issuer: &str,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let sealed = self.seal(issuer, path, body)?;
        let (status, body) = self.send(Method::POST, path, sealed).await?;
        anyhow::ensure!(status.is_success(), "{path}: {status}");
        let answer: Value = serde_json::from_slice(&body)?;
        let envelope = answer
            .get("encrypted_data")
            .and_then(Value::as_str)
            .context("the response is not sealed")?;
        Ok(serde_json::from_str(
            &self.envelopes.inspect(envelope)?.payload,
        )?)
    }

    /// Seals a body for analytics.
    pub(crate) fn seal(&self, issuer: &str, path: &str, body: &Value) -> anyhow::Result<String> {
        let sealing = SealRequest {
            issuer,
            audience: "analytics",
            method: "POST",
            path,
            purpose: Purpose::Request,
        };
        let sealed = self.envelopes.seal(&body.to_string(), sealing)?;
        Ok(json!({ "encrypted_data": sealed.envelope }).to_string())
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.app))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = self.http.request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
