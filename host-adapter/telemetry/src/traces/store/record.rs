//! One trace: its spans with their attributes, and their log lines.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;

/// The attribute of an event that is a line of a component.
const GUEST_LINE: &str = "line";

/// Fields of a line that the trace says already.
const OF_THE_TRACE: [&str; 4] = ["timestamp", "component", "request_id", "trace_id"];

/// Longest value of an attribute, in bytes. Statements are cut to it.
const MAX_VALUE: usize = 2_048;

/// What a span takes besides its texts, in bytes.
const OVERHEAD: usize = 160;

/// One span.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    /// The span's id.
    pub id: SpanId,
    /// The span that caused it.
    pub parent: SpanId,
    /// Whether `parent` is in another process.
    pub parent_is_remote: bool,
    /// Such as `adapter.postgres.fetch`.
    pub name: String,
    /// When it began.
    pub start: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// Names and values.
    pub attributes: Vec<(String, String)>,
    /// Log lines.
    pub events: Vec<Event>,
    /// Traces that caused this span earlier.
    pub links: Vec<TraceId>,
    /// Whether it failed.
    pub failed: bool,
}

/// A log line within a span.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it was written.
    pub time: SystemTime,
    /// The message.
    pub message: String,
    /// Names and values.
    pub attributes: Vec<(String, String)>,
}

/// One trace.
#[derive(Debug, Clone, Default)]
pub struct TraceRecord {
    /// In the order in which they ended.
    pub spans: Vec<SpanRecord>,
    /// Spans that were not kept.
    pub omitted_spans: usize,
    /// The component of the first request.
    pub component: String,
    pub(super) bytes: usize,
    pub(super) notable: bool,
}

/// A trace in a list.
#[derive(Debug, Clone)]
pub struct TraceSummary {
    /// The trace.
    pub id: TraceId,
    /// Method and route of the first request.
    pub name: String,
    /// The component that handled it.
    pub component: String,
    /// When it began.
    pub start: SystemTime,
    /// How long the first request took.
    pub duration: Duration,
    /// Its status, if it was an HTTP request.
    pub status: String,
    /// The request id that the client saw.
    pub request_id: String,
    /// How many spans it has.
    pub spans: usize,
    /// Whether a request of the trace failed.
    pub failed: bool,
}

impl Event {
    fn new(event: &opentelemetry::trace::Event) -> Self {
        let attributes = pairs(&event.attributes);
        let guest = attributes.iter().find(|(name, _)| name == GUEST_LINE);
        let (message, attributes) = match guest {
            Some((_, line)) => guest_line(line),
            None => (cut(&event.name), attributes),
        };
        Self {
            time: event.timestamp,
            message,
            attributes,
        }
    }
}

/// Message and fields of a line that a component has logged, which is JSON if service-kit wrote it.
fn guest_line(line: &str) -> (String, Vec<(String, String)>) {
    let Ok(mut fields) = serde_json::from_str::<serde_json::Map<String, Value>>(line) else {
        return (line.to_owned(), Vec::new());
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let message = fields.remove("message").map_or_else(String::new, text);
    let shown = fields
        .into_iter()
        .filter(|(name, _)| !OF_THE_TRACE.contains(&name.as_str()));
    (
        message,
        shown.map(|(name, value)| (name, text(value))).collect(),
    )
}

impl SpanRecord {
    pub(super) fn new(span: &SpanData) -> Self {
        let events = span.events.iter().map(Event::new);
        Self {
            id: span.span_context.span_id(),
            parent: span.parent_span_id,
            parent_is_remote: span.parent_span_is_remote,
            name: span.name.clone().into_owned(),
            start: span.start_time,
            duration: span
                .end_time
                .duration_since(span.start_time)
                .unwrap_or_default(),
            attributes: pairs(&span.attributes),
            events: events.collect(),
            links: span
                .links
                .iter()
                .map(|link| link.span_context.trace_id())
                .collect(),
            failed: matches!(span.status, Status::Error { .. }),
        }
    }

    /// The value of an attribute, or an empty text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// The method and path of a request, or the span's name.
    #[must_use]
    pub fn title(&self) -> String {
        let (method, path) = (
            self.attribute("http.request.method"),
            self.attribute("url.path"),
        );
        if path.is_empty() {
            self.name.clone()
        } else {
            format!("{method} {path}")
        }
    }

    fn is_entry(&self) -> bool {
        !self.attribute("request_id").is_empty()
    }

    fn bytes(&self) -> usize {
        let texts = |pairs: &[(String, String)]| -> usize {
            pairs
                .iter()
                .map(|(key, value)| key.len() + value.len() + 48)
                .sum()
        };
        let events = self.events.iter();
        let events: usize = events
            .map(|event| event.message.len() + 64 + texts(&event.attributes))
            .sum();
        OVERHEAD + self.name.len() + texts(&self.attributes) + events
    }
}

impl TraceRecord {
    /// Adds a span, and returns by how many bytes the trace has grown.
    pub(super) fn add(&mut self, span: SpanRecord, limit: usize) -> usize {
        if self.spans.len() >= limit {
            self.omitted_spans += 1;
            return 0;
        }
        if self.component.is_empty() || (span.is_entry() && !span.parent_is_remote) {
            span.attribute("component").clone_into(&mut self.component);
        }
        let bytes = span.bytes();
        self.bytes += bytes;
        self.spans.push(span);
        bytes
    }

    /// Whether a request of the trace failed or took longer than `slow`.
    pub(super) fn is_notable(&self, slow: Duration) -> bool {
        let mut entries = self.spans.iter().filter(|span| span.is_entry());
        entries.any(|span| span.failed || span.duration > slow)
    }

    /// The request at which the trace entered this process first.
    #[must_use]
    pub fn entry(&self) -> Option<&SpanRecord> {
        let entries = self.spans.iter().filter(|span| span.is_entry());
        entries.min_by_key(|span| span.start)
    }
}

impl TraceSummary {
    pub(super) fn of((id, record): (&TraceId, &TraceRecord)) -> Option<Self> {
        let entry = record.entry()?;
        Some(Self {
            id: *id,
            name: entry.title(),
            component: entry.attribute("component").to_owned(),
            start: entry.start,
            duration: entry.duration,
            status: entry.attribute("http.response.status_code").to_owned(),
            request_id: entry.attribute("request_id").to_owned(),
            spans: record.spans.len() + record.omitted_spans,
            failed: record
                .spans
                .iter()
                .any(|span| span.is_entry() && span.failed),
        })
    }
}

fn pairs(attributes: &[opentelemetry::KeyValue]) -> Vec<(String, String)> {
    let pair = |pair: &opentelemetry::KeyValue| (pair.key.to_string(), cut(&pair.value.as_str()));
    attributes.iter().map(pair).collect()
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_VALUE);
    text.get(..end).unwrap_or(text).to_owned()
}
