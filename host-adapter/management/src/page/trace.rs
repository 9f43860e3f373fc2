//! `/traces/{id}`: one trace as a waterfall, with its statements and log lines.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use adapter_telemetry::traces::{Event, SpanId, SpanRecord, TraceRecord};
use askama::Template;
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::Response,
};

use super::{format, message, render, starting};
use crate::State;

/// Deepest indentation. A chain of calls is not deeper.
const MAX_DEPTH: usize = 12;

/// Attributes that the page shows in other places.
const SHOWN_ELSEWHERE: [&str; 4] = ["db.query.text", "level", "target", "busy_ns"];

#[derive(Template)]
#[template(path = "trace.html")]
struct Page {
    active: &'static str,
    id: String,
    name: String,
    request_id: String,
    duration: String,
    started: String,
    rows: Vec<Row>,
    omitted: usize,
    causes: Vec<String>,
    consequences: Vec<String>,
}

struct Row {
    name: String,
    component: String,
    depth: usize,
    failed: bool,
    duration: String,
    /// Thousandths of the trace's time.
    left: u64,
    width: u64,
    statement: String,
    attributes: Vec<(String, String)>,
    lines: Vec<Line>,
}

struct Line {
    level: String,
    message: String,
    after: String,
    fields: Vec<(String, String)>,
}

pub(super) async fn page(Extract(state): Extract<Arc<State>>, Path(id): Path<String>) -> Response {
    let Some((_, traces)) = state.running() else {
        return starting();
    };
    let Some(trace) = traces.get(&id) else {
        let text =
            "This trace is not in memory. It was not recorded, or newer ones have taken its place.";
        return message(StatusCode::NOT_FOUND, "Unknown trace", text);
    };
    render(&Page::new(id.clone(), &trace, traces.caused_by(&id)))
}

impl Page {
    fn new(id: String, trace: &TraceRecord, consequences: Vec<String>) -> Self {
        let start = trace
            .spans
            .iter()
            .map(|span| span.start)
            .min()
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let end = trace
            .spans
            .iter()
            .map(|span| span.start + span.duration)
            .max()
            .unwrap_or(start);
        let total = since(end, start);
        let depths = depths(&trace.spans);
        let mut spans: Vec<&SpanRecord> = trace.spans.iter().collect();
        spans.sort_by_key(|span| (span.start, depths.get(&span.id).copied()));
        let entry = trace.entry();
        let attribute = |name: &str| entry.map_or("", |entry| entry.attribute(name)).to_owned();
        Self {
            active: "/",
            id,
            name: entry.map_or_else(String::new, SpanRecord::title),
            request_id: attribute("request_id"),
            duration: format::duration(total),
            started: format::age(start),
            rows: spans
                .into_iter()
                .map(|span| {
                    Row::new(
                        span,
                        depths.get(&span.id).copied().unwrap_or(0),
                        start,
                        total,
                    )
                })
                .collect(),
            omitted: trace.omitted_spans,
            causes: trace
                .spans
                .iter()
                .flat_map(|span| span.links.iter().map(ToString::to_string))
                .collect(),
            consequences,
        }
    }
}

impl Row {
    fn new(span: &SpanRecord, depth: usize, start: SystemTime, total: Duration) -> Self {
        let shown = |(name, _): &&(String, String)| !SHOWN_ELSEWHERE.contains(&name.as_str());
        Self {
            name: span.name.clone(),
            component: span.attribute("component").to_owned(),
            depth: depth.min(MAX_DEPTH),
            failed: span.failed,
            duration: format::duration(span.duration),
            left: share(since(span.start, start), total),
            width: share(span.duration, total).max(3),
            statement: span.attribute("db.query.text").to_owned(),
            attributes: span.attributes.iter().filter(shown).cloned().collect(),
            lines: span
                .events
                .iter()
                .map(|event| Line::new(event, start))
                .collect(),
        }
    }
}

impl Line {
    fn new(event: &Event, start: SystemTime) -> Self {
        let level = event.attributes.iter().find(|(name, _)| name == "level");
        Self {
            level: level.map_or_else(String::new, |(_, level)| level.clone()),
            message: event.message.clone(),
            after: format::duration(since(event.time, start)),
            fields: event
                .attributes
                .iter()
                .filter(|(name, _)| !SHOWN_ELSEWHERE.contains(&name.as_str()))
                .cloned()
                .collect(),
        }
    }
}

/// How many spans are around each one.
fn depths(spans: &[SpanRecord]) -> HashMap<SpanId, usize> {
    let parents: HashMap<_, _> = spans.iter().map(|span| (span.id, span.parent)).collect();
    let depth = |span: &SpanRecord| {
        let mut parent = span.parent;
        let mut depth = 0;
        // A damaged trace could have a circle.
        while depth < MAX_DEPTH
            && let Some(next) = parents.get(&parent)
        {
            parent = *next;
            depth += 1;
        }
        depth
    };
    spans.iter().map(|span| (span.id, depth(span))).collect()
}

fn since(time: SystemTime, start: SystemTime) -> Duration {
    time.duration_since(start).unwrap_or_default()
}

/// The share of `part` in `total`, in thousandths.
fn share(part: Duration, total: Duration) -> u64 {
    let share = part.as_nanos() * 1_000 / total.as_nanos().max(1);
    u64::try_from(share).unwrap_or(1_000).min(1_000)
}
