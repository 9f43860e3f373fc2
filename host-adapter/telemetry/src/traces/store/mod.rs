//! The last traces, in memory.
//!
//! The memory is bounded. When it is full, the oldest trace of the service with the most traces goes, so
//! that a busy service does not push out the others. Slow and failed requests have a part of the memory
//! of their own.

mod record;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, trace::TraceId};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use super::TraceSettings;
pub use record::{Event, SpanRecord, TraceRecord, TraceSummary};

/// Spans of one trace. Further ones are counted but not kept: a page cannot show more.
const MAX_SPANS: usize = 256;

/// The part of the memory that slow and failed requests may take, as a divisor.
const NOTABLE_SHARE: usize = 4;

/// The part of the memory that is freed when it is full, as a divisor. Traces are counted once for all
/// that are dropped then, so a full memory costs a span no more than an empty one on average.
const FREED_SHARE: usize = 8;

/// The traces in memory.
#[derive(Debug)]
pub struct Store {
    traces: Mutex<Kept>,
    /// Traces that were dropped for lack of memory.
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    memory: usize,
    slow: Duration,
    by_id: HashMap<TraceId, TraceRecord>,
    /// Oldest first.
    usual: VecDeque<TraceId>,
    /// Oldest first.
    notable: VecDeque<TraceId>,
    bytes: usize,
    notable_bytes: usize,
}

impl Store {
    pub(super) fn new(settings: &TraceSettings) -> Self {
        Self {
            traces: Mutex::new(Kept {
                memory: settings.memory,
                slow: settings.slow,
                ..Kept::default()
            }),
            dropped: AtomicU64::new(0),
        }
    }

    /// Keeps to other bounds from now on.
    pub(super) fn change(&self, settings: &TraceSettings) {
        let mut kept = self.lock();
        (kept.memory, kept.slow) = (settings.memory, settings.slow);
        let dropped = kept.shrink();
        drop(kept);
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
    }

    /// The traces that are complete, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<TraceSummary> {
        let traces = self.lock();
        let mut list: Vec<_> = traces.by_id.iter().filter_map(TraceSummary::of).collect();
        drop(traces);
        list.sort_by_key(|summary| std::cmp::Reverse(summary.start));
        list
    }

    /// One trace, by its id in hexadecimal.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<TraceRecord> {
        let id = TraceId::from_hex(id).ok()?;
        self.lock().by_id.get(&id).cloned()
    }

    /// The traces that the one with this id has caused later, such as the deliveries of its messages.
    #[must_use]
    pub fn caused_by(&self, id: &str) -> Vec<String> {
        let Ok(cause) = TraceId::from_hex(id) else {
            return Vec::new();
        };
        let traces = self.lock();
        let caused = traces.by_id.iter().filter(|(_, record)| {
            let mut links = record.spans.iter().flat_map(|span| &span.links);
            links.any(|link| *link == cause)
        });
        caused.map(|(id, _)| id.to_string()).collect()
    }

    /// Traces that were dropped because the memory was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn add(&self, span: &SpanData) {
        let id = span.span_context.trace_id();
        let mut kept = self.lock();
        let slow = kept.slow;
        let record = kept.record(id);
        let size = record.add(SpanRecord::new(span), MAX_SPANS);
        let notable = record.is_notable(slow);
        kept.grow(id, size, notable);
        let dropped = kept.shrink();
        drop(kept);
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn record(&mut self, id: TraceId) -> &mut TraceRecord {
        self.by_id.entry(id).or_insert_with(|| {
            self.usual.push_back(id);
            TraceRecord::default()
        })
    }

    /// Counts `size` more bytes of trace `id`, and moves it if it has become notable.
    fn grow(&mut self, id: TraceId, size: usize, notable: bool) {
        self.bytes += size;
        let Some(record) = self.by_id.get_mut(&id) else {
            return;
        };
        if record.notable {
            self.notable_bytes += size;
        } else if notable {
            record.notable = true;
            self.notable_bytes += record.bytes;
            self.usual.retain(|other| *other != id);
            self.notable.push_back(id);
        }
    }

    /// Drops traces until all fit into the memory, and returns how many.
    fn shrink(&mut self) -> u64 {
        let memory = self.memory;
        let mut dropped = 0;
        while self.notable_bytes > memory / NOTABLE_SHARE
            && let Some(id) = self.notable.pop_front()
        {
            self.remove(id);
            dropped += 1;
        }
        if self.bytes > memory {
            dropped += self.shrink_usual(memory - memory / FREED_SHARE);
        }
        dropped
    }

    /// Drops the oldest trace of the service with the most traces, until all take at most `memory`.
    fn shrink_usual(&mut self, memory: usize) -> u64 {
        let mut services: HashMap<String, VecDeque<TraceId>> = HashMap::new();
        for id in &self.usual {
            let record = self.by_id.get(id);
            let service = record.map_or_else(String::new, |record| record.component.clone());
            services.entry(service).or_default().push_back(*id);
        }
        let mut dropped = 0;
        while self.bytes > memory
            && let Some(largest) = services.values_mut().max_by_key(|ids| ids.len())
            && let Some(id) = largest.pop_front()
        {
            self.remove(id);
            dropped += 1;
        }
        self.usual.retain(|id| self.by_id.contains_key(id));
        dropped
    }

    fn remove(&mut self, id: TraceId) {
        if let Some(record) = self.by_id.remove(&id) {
            self.bytes = self.bytes.saturating_sub(record.bytes);
            if record.notable {
                self.notable_bytes = self.notable_bytes.saturating_sub(record.bytes);
            }
        }
    }
}

/// Adds each span to the store when it ends.
#[derive(Debug)]
pub(super) struct Processor(pub(super) Arc<Store>);

impl SpanProcessor for Processor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.add(&span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
