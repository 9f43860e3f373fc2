//! `/`: whether the process works, what it serves, and the last requests.

use std::sync::Arc;

use adapter_telemetry::traces::TraceSummary;
use askama::Template;
use axum::{
    extract::{Query, State as Extract},
    response::Response,
};
use serde::Deserialize;

use super::{format, render, starting};
use crate::{Reload, ServedComponent, State, health};

/// Requests on the page.
const MAX_ROWS: usize = 100;

/// Builds and reloads on the page.
const MAX_RELOADS: usize = 10;

/// Which requests are shown. It is in the address, so a view can be shared.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    component: String,
    /// Part of the name, the request id or the trace id.
    #[serde(default)]
    q: String,
    /// Set: only failed ones.
    failed: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    active: &'static str,
    phase: &'static str,
    ready: bool,
    reasons: Vec<String>,
    services: Vec<Service>,
    /// Newest first.
    reloads: Vec<ReloadRow>,
    names: Vec<String>,
    filter: Filter,
    requests: Vec<Row>,
    /// Requests that match, also those that are not shown.
    matching: usize,
    dropped: u64,
}

struct Service {
    name: String,
    served: Vec<ServedRow>,
    dependencies: Vec<crate::Dependency>,
}

struct ServedRow {
    application: String,
    version: String,
    digest: String,
    since: String,
}

struct ReloadRow {
    component: String,
    trigger: String,
    succeeded: bool,
    text: String,
    age: String,
}

struct Row {
    id: String,
    name: String,
    component: String,
    status: String,
    /// The class of the badge: `good`, `warn` or `bad`.
    class: &'static str,
    duration: String,
    age: String,
    spans: usize,
}

pub(super) async fn page(
    Extract(state): Extract<Arc<State>>,
    Query(filter): Query<Filter>,
) -> Response {
    let Some((operations, traces)) = state.running() else {
        return starting();
    };
    let report = health::report(&state).await;
    let served = operations.components().await;
    let services = report
        .readiness
        .components
        .into_iter()
        .map(|(name, dependencies)| Service {
            served: served
                .iter()
                .filter(|one| one.name == name)
                .map(ServedRow::new)
                .collect(),
            dependencies,
            name,
        });
    let services: Vec<Service> = services.collect();
    let matching: Vec<TraceSummary> = traces
        .list()
        .into_iter()
        .filter(|trace| filter.matches(trace))
        .collect();
    let reloads = operations.reloads().into_iter().rev().take(MAX_RELOADS);
    render(&Overview {
        active: "/",
        phase: report.phase,
        ready: report.ready,
        reasons: report.reasons,
        reloads: reloads.map(ReloadRow::new).collect(),
        names: services
            .iter()
            .map(|service| service.name.clone())
            .collect(),
        services,
        filter,
        matching: matching.len(),
        requests: matching.iter().take(MAX_ROWS).map(Row::new).collect(),
        dropped: traces.dropped(),
    })
}

impl Filter {
    fn matches(&self, trace: &TraceSummary) -> bool {
        let text = self.q.trim();
        let found = || {
            let id = trace.id.to_string();
            [&trace.name, &trace.request_id, &id]
                .iter()
                .any(|part| part.contains(text))
        };
        (self.component.is_empty() || trace.component == self.component)
            && (self.failed.is_none() || trace.failed)
            && (text.is_empty() || found())
    }
}

impl ServedRow {
    fn new(served: &ServedComponent) -> Self {
        let digest = served.digest.as_deref().unwrap_or("–");
        Self {
            application: served.application.clone(),
            version: served.version.clone(),
            digest: digest.chars().take(12).collect(),
            since: format::age(served.since),
        }
    }
}

impl ReloadRow {
    fn new(reload: Reload) -> Self {
        Self {
            component: reload.component.unwrap_or_else(|| "all".to_owned()),
            trigger: reload.trigger,
            succeeded: reload.succeeded,
            text: reload.text,
            age: format::age(reload.at),
        }
    }
}

impl Row {
    fn new(trace: &TraceSummary) -> Self {
        Self {
            id: trace.id.to_string(),
            name: trace.name.clone(),
            component: trace.component.clone(),
            status: match (trace.status.as_str(), trace.failed) {
                ("", true) => "failed".to_owned(),
                ("", false) => "ok".to_owned(),
                (status, _) => status.to_owned(),
            },
            class: class(trace),
            duration: format::duration(trace.duration),
            age: format::age(trace.start),
            spans: trace.spans,
        }
    }
}

/// An error of the client is not a failure of the service.
fn class(trace: &TraceSummary) -> &'static str {
    if trace.failed {
        "bad"
    } else if trace.status.starts_with('4') {
        "warn"
    } else {
        "good"
    }
}
