//! `host-adapter health`: whether the running program is ready, for container platforms and scripts.

use std::time::Duration;

use adapter_capabilities::dispatch::Dispatch;
use anyhow::Context as _;
use reqwest::StatusCode;
use serde::Deserialize;

use super::{Invocation, local_url::local_url, print};

/// Longer than the program itself takes to check its dependencies (5 s), so that its reason arrives.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The largest answer, in bytes. Each of a component's dependencies takes some hundred.
const MAX_ANSWER: usize = 256 * 1024;

/// What `/ready` answers, as far as it is needed here.
#[derive(Deserialize)]
struct Report {
    /// Why it is not ready.
    reasons: Vec<String>,
}

/// Asks `/ready` of the management port.
///
/// # Errors
///
/// The program does not run, or it cannot answer requests, with its reasons.
pub(super) async fn run(invocation: &Invocation) -> anyhow::Result<()> {
    let base = local_url("management.address", invocation.settings.management.address)?;
    let url = format!("{base}/ready");
    let asked = tokio::time::timeout(TIMEOUT, ask(&url)).await;
    let (status, body) = asked
        .with_context(|| format!("`{url}` did not answer within {} s", TIMEOUT.as_secs()))??;
    if status.is_success() {
        return print("ready");
    }
    let report = serde_json::from_slice::<Report>(&body);
    let report = report.with_context(|| {
        format!("`{url}` answered {status}, so it is not the management port of host-adapter")
    })?;
    anyhow::bail!("not ready: {}", report.reasons.join("; "))
}

async fn ask(url: &str) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    // The context already has the URL.
    let response = Dispatch::http_client()?.get(url).send().await;
    let response = response.map_err(reqwest::Error::without_url);
    let mut response = response.with_context(|| {
        format!("`{url}` does not answer: `host-adapter up` or `serve` does not run, or `management.address` is another one")
    })?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        anyhow::ensure!(
            body.len() + chunk.len() <= MAX_ANSWER,
            "the answer of `{url}` is larger than {MAX_ANSWER} bytes"
        );
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}
