//! `/live`, `/ready` and `/health`, for platforms that start and stop processes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State as Extract,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;

use super::{Phase, State};

/// Time for all checks. It is longer than `health.timeout` by default, so this is for a process that is
/// stuck.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a component depends on.
#[derive(Debug, Clone, Serialize)]
pub struct Dependency {
    /// Such as `postgres`, or the name of a peer.
    pub name: String,
    /// Whether it answered.
    pub up: bool,
    /// Whether the component cannot work without it.
    pub needed: bool,
    /// How long the answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_microseconds: Option<u64>,
    /// When it answered last, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answered: Option<String>,
}

/// The messages of a component that are not delivered. They do not decide whether the process is ready.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxDepth {
    /// Messages that wait, counted up to 10,000.
    pub waiting: i64,
    /// Messages that are not deliverable, counted up to 10,000.
    pub dead: i64,
    /// Age of the oldest message that waits.
    pub oldest_age_seconds: u64,
}

/// Whether the process can answer requests.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Readiness {
    /// The dependencies by component.
    pub components: BTreeMap<String, Vec<Dependency>>,
    /// The outboxes by component.
    pub outboxes: BTreeMap<String, OutboxDepth>,
}

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) ready: bool,
    pub(crate) phase: &'static str,
    /// Why it is not ready: sentences for a person.
    pub(crate) reasons: Vec<String>,
    #[serde(flatten)]
    pub(crate) readiness: Readiness,
}

/// 200 as long as the process answers at all. It never depends on a database: restarting this process
/// does not repair one.
pub(super) async fn live() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "alive\n")
}

/// 200 if requests can be answered, or 503 and why not.
pub(super) async fn ready(Extract(state): Extract<Arc<State>>) -> impl IntoResponse {
    let report = report(&state).await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report))
}

/// The facts of [`ready`], always with 200.
pub(super) async fn health(Extract(state): Extract<Arc<State>>) -> impl IntoResponse {
    (
        [(header::CACHE_CONTROL, "no-store")],
        Json(report(&state).await),
    )
}

pub(crate) async fn report(state: &State) -> Report {
    let phase = state.phase();
    let mut reasons = Vec::new();
    let mut readiness = Readiness::default();
    match phase {
        Phase::Starting => reasons.push("the process is starting".to_owned()),
        Phase::Stopping => reasons.push("the process is stopping".to_owned()),
        Phase::Serving => {}
    }
    if let Some((operations, _)) = state.running() {
        match tokio::time::timeout(TIMEOUT, operations.readiness()).await {
            Ok(found) => readiness = found,
            Err(_) => reasons.push("checking the dependencies took too long".to_owned()),
        }
    }
    for (component, dependencies) in &readiness.components {
        let down = dependencies.iter().filter(|one| one.needed && !one.up);
        reasons
            .extend(down.map(|one| format!("`{component}` needs `{}`, which is down", one.name)));
    }
    Report {
        ready: reasons.is_empty(),
        phase: phase.name(),
        reasons,
        readiness,
    }
}
