//! Peers at another address: whether they answer.

use std::time::Duration;

use adapter_capabilities::dispatch::Dispatch;
use tokio::task::JoinSet;

use crate::{checks::Finding, config::Settings};

const CHECK: &str = "peers";

/// For one answer. A peer that needs longer for its health fails most calls anyway.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let Ok(client) = Dispatch::http_client() else {
        return Vec::new();
    };
    let mut tasks = JoinSet::new();
    for (name, peer) in &settings.peers {
        if let Some(url) = peer.url.clone() {
            tasks.spawn(check_peer(client.clone(), name.clone(), url));
        }
    }
    let mut findings = tasks.join_all().await;
    findings.sort_by(|one, other| one.what.cmp(&other.what));
    findings
}

async fn check_peer(client: reqwest::Client, name: String, url: String) -> Finding {
    let health = format!("{url}/services/{name}/health");
    let request = client.get(&health).timeout(TIMEOUT).send().await;
    match request.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => {
            Finding::fine(CHECK, format!("`{name}` at {url} answers"))
        }
        Ok(status) => Finding::warning(
            CHECK,
            format!("`{name}` at {url} answers {status} for its health"),
            format!("look at {health}, or correct `peers.{name}.url`"),
        ),
        Err(error) => {
            let why = if error.is_timeout() {
                format!("does not answer within {} s", TIMEOUT.as_secs())
            } else {
                "does not accept connections".to_owned()
            };
            Finding::error(
                CHECK,
                format!("`{name}` at {url} {why}"),
                format!("start it, or correct `peers.{name}.url`"),
            )
        }
    }
}
