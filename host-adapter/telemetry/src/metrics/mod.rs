//! Metrics of the process, in the text format of `OpenMetrics` 1.0, which Prometheus reads.
//!
//! Names follow OpenTelemetry's semantic conventions (1.42) where there is one, with `_` for `.` and the
//! unit at the end: `http.server.request.duration` is `http_server_request_duration_seconds`. All other
//! names begin with `spindle_`.
//!
//! A label may have only values from a bounded set, because each combination is kept until the process
//! ends: names from the settings, names in the code, and routes up to a limit.

mod labels;
mod process;

use std::sync::{PoisonError, RwLock};

pub use labels::{Labels, Value, labels};
pub use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Unit,
};
use prometheus_client::{encoding::text, registry::Metric, registry::Registry};

/// The content type of [`encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of durations in seconds, those of OpenTelemetry for HTTP servers and a finer one.
const DURATIONS: [f64; 15] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A family of histograms of durations.
pub type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of the process. They are global, because a process has one management port.
static REGISTRY: RwLock<Option<Registry>> = RwLock::new(None);

/// Creates a family of histograms of durations in seconds.
#[must_use]
pub fn durations<L: Clone + std::hash::Hash + Eq>() -> Durations<L> {
    Family::new_with_constructor(|| Histogram::new(DURATIONS))
}

/// Registers `metric` under `name` and returns it. `help` is a sentence without a full stop.
pub fn register<M: Metric + Clone>(name: &str, help: &str, metric: M) -> M {
    with_registry(|registry| registry.register(name, help, metric.clone()));
    metric
}

/// Registers `metric`, whose values are seconds. `name` is without the unit, which is appended.
pub fn register_seconds<M: Metric + Clone>(name: &str, help: &str, metric: M) -> M {
    let registered = metric.clone();
    with_registry(|registry| registry.register_with_unit(name, help, Unit::Seconds, registered));
    metric
}

/// Registers metrics whose values are computed when they are read.
pub fn register_collector(collector: impl Collector) {
    with_registry(|registry| registry.register_collector(Box::new(collector)));
}

/// Registers the metrics of the process and the build.
pub fn register_process(version: &'static str) {
    register_collector(process::Process::new(version));
}

/// The current value of every metric.
///
/// # Errors
///
/// A collector failed to write its metrics.
pub fn encode() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let registry = REGISTRY.read().unwrap_or_else(PoisonError::into_inner);
    match &*registry {
        Some(registry) => text::encode(&mut text, registry)?,
        None => text::encode_eof(&mut text)?,
    }
    Ok(text)
}

fn with_registry(change: impl FnOnce(&mut Registry)) {
    let mut registry = REGISTRY.write().unwrap_or_else(PoisonError::into_inner);
    change(registry.get_or_insert_default());
}
