use std::time::SystemTime;

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::*;

fn store(memory: usize) -> Store {
    Store::new(&TraceSettings {
        memory,
        ..TraceSettings::default()
    })
}

/// A request of `component` in trace `id` that took `duration`.
fn request(id: u128, component: &str, duration: Duration) -> SpanData {
    let context = SpanContext::new(
        TraceId::from(id),
        SpanId::from(1),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(id).expect("small"));
    SpanData {
        span_context: context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "request".into(),
        start_time: start,
        end_time: start + duration,
        attributes: vec![
            KeyValue::new("component", component.to_owned()),
            KeyValue::new("request_id", format!("r{id}")),
        ],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

const QUICK: Duration = Duration::from_millis(1);

#[test]
fn the_newest_trace_is_first() {
    let store = store(1 << 20);
    for id in 1..=3 {
        store.add(&request(id, "user", QUICK));
    }
    let ids: Vec<_> = store
        .list()
        .into_iter()
        .map(|trace| trace.request_id)
        .collect();
    assert_eq!(ids, ["r3", "r2", "r1"]);
    assert!(store.get(&format!("{:032x}", 2)).is_some());
    assert!(store.get("not hexadecimal").is_none());
}

#[test]
fn a_busy_service_does_not_push_out_the_others() {
    let store = store(8_000);
    store.add(&request(1, "quiet", QUICK));
    for id in 2..1_000 {
        store.add(&request(id, "busy", QUICK));
    }
    let list = store.list();
    assert!(list.len() < 100, "{}", list.len());
    assert!(store.lock().bytes <= 8_000);
    assert!(list.iter().any(|trace| trace.component == "quiet"));
    assert_eq!(store.dropped(), 999 - list.len() as u64);
}

#[test]
fn slow_and_failed_requests_are_kept_longer() {
    let store = store(8_000);
    store.add(&request(1, "user", Duration::from_secs(2)));
    let mut failed = request(2, "user", QUICK);
    failed.status = Status::error("");
    store.add(&failed);
    for id in 3..1_000 {
        store.add(&request(id, "user", QUICK));
    }
    for id in ["r1", "r2"] {
        assert!(
            store.list().iter().any(|trace| trace.request_id == id),
            "{id}"
        );
    }
}

#[test]
fn slow_requests_do_not_fill_the_memory() {
    let store = store(8_000);
    for id in 1..1_000 {
        store.add(&request(id, "user", Duration::from_secs(2)));
    }
    assert!(store.lock().bytes <= 8_000 / NOTABLE_SHARE);
}

#[test]
fn a_trace_keeps_a_limited_number_of_spans() {
    let store = store(1 << 20);
    for _ in 0..MAX_SPANS + 5 {
        store.add(&request(1, "user", QUICK));
    }
    let trace = store.get(&format!("{:032x}", 1)).expect("the trace");
    assert_eq!((trace.spans.len(), trace.omitted_spans), (MAX_SPANS, 5));
}
