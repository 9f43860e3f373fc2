//! `/charts`: the last quarter of an hour of the most important metrics.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use adapter_telemetry::metrics::encode;
use askama::Template;
use axum::{extract::State as Extract, response::Response};

use super::render;
use crate::State;

/// How often the metrics are sampled.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// Samples that are kept: 15 minutes.
const MAX_SAMPLES: usize = 180;

/// Size of a chart in its own units.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 64.0;

/// How a chart gets its values.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// The sum of the metric.
    Level,
    /// How much the sum of the metric grows in a second.
    Rate,
    /// The growth of the first metric per growth of the second, in thousandths.
    Mean(&'static str),
}

/// Title, unit, metric, and how it is read.
const CHARTS: [(&str, &str, &str, Kind); 8] = [
    (
        "Requests",
        "/s",
        "http_server_request_duration_seconds_count",
        Kind::Rate,
    ),
    (
        "Mean response time",
        "ms",
        "http_server_request_duration_seconds_sum",
        Kind::Mean("http_server_request_duration_seconds_count"),
    ),
    (
        "Requests in flight",
        "",
        "http_server_active_requests",
        Kind::Level,
    ),
    (
        "Calls to the adapter",
        "/s",
        "spindle_adapter_call_duration_seconds_count",
        Kind::Rate,
    ),
    (
        "Database operations",
        "/s",
        "db_client_operation_duration_seconds_count",
        Kind::Rate,
    ),
    (
        "Messages in the outboxes",
        "",
        "spindle_outbox_messages",
        Kind::Level,
    ),
    (
        "Processor time",
        "%",
        "process_cpu_seconds_total",
        Kind::Rate,
    ),
    ("Memory", "MB", "process_resident_memory_bytes", Kind::Level),
];

/// The last samples of every metric that a chart needs.
#[derive(Debug, Default)]
pub(crate) struct Samples(Mutex<VecDeque<Sample>>);

#[derive(Debug, Clone)]
struct Sample {
    time: Instant,
    /// For each chart, the sums of its metrics.
    sums: Vec<(f64, f64)>,
}

impl Samples {
    /// Takes a sample.
    pub(crate) fn take(&self) {
        let Ok(text) = encode() else { return };
        let sums = CHARTS.iter().map(|(_, _, metric, kind)| {
            let second = match kind {
                Kind::Mean(metric) => sum(&text, metric),
                Kind::Level | Kind::Rate => 0.0,
            };
            (sum(&text, metric), second)
        });
        let sample = Sample {
            time: Instant::now(),
            sums: sums.collect(),
        };
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == MAX_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The values of chart `number`, oldest first.
    fn values(&self, number: usize, kind: Kind) -> Vec<f64> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |sample: &Sample| sample.sums.get(number).copied().unwrap_or_default();
        let pairs = samples.iter().zip(samples.iter().skip(1));
        pairs
            .map(|(before, after)| {
                let (old, new) = (at(before), at(after));
                let seconds = (after.time - before.time).as_secs_f64().max(f64::EPSILON);
                match kind {
                    Kind::Level => new.0,
                    Kind::Rate => (new.0 - old.0).max(0.0) / seconds,
                    Kind::Mean(_) => 1_000.0 * (new.0 - old.0) / (new.1 - old.1).max(1.0),
                }
            })
            .collect()
    }
}

/// The sum of all values of a metric.
fn sum(text: &str, metric: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(metric)?;
        let (_, value) = rest
            .starts_with(['{', ' '])
            .then(|| rest.rsplit_once(' '))??;
        value.parse::<f64>().ok()
    };
    text.lines().filter_map(value).sum()
}

#[derive(Template)]
#[template(path = "charts.html")]
struct Page {
    active: &'static str,
    charts: Vec<Chart>,
}

struct Chart {
    title: &'static str,
    unit: &'static str,
    latest: String,
    highest: String,
    points: String,
}

pub(super) async fn page(Extract(state): Extract<Arc<State>>) -> Response {
    let charts = CHARTS
        .iter()
        .enumerate()
        .map(|(number, (title, unit, _, kind))| {
            let scale = match *unit {
                "MB" => 1e-6,
                "%" => 100.0,
                _ => 1.0,
            };
            let values = state.samples.values(number, *kind);
            Chart::new(
                title,
                unit,
                values.into_iter().map(|value| value * scale).collect(),
            )
        });
    render(&Page {
        active: "/charts",
        charts: charts.collect(),
    })
}

impl Chart {
    fn new(title: &'static str, unit: &'static str, values: Vec<f64>) -> Self {
        let highest = values.iter().copied().fold(0.0, f64::max);
        let latest = values.last().copied().unwrap_or_default();
        Self {
            title,
            unit,
            latest: number(latest),
            highest: number(highest),
            points: points(&values, highest),
        }
    }
}

/// The points of a line that ends at the right edge.
fn points(values: &[f64], highest: f64) -> String {
    let step = WIDTH / (MAX_SAMPLES - 1) as f64;
    let first = WIDTH - step * values.len().saturating_sub(1) as f64;
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        let x = first + step * index as f64;
        let y = HEIGHT - 2.0 - (HEIGHT - 4.0) * value / highest.max(f64::EPSILON);
        // Writing to a text cannot fail.
        let _ = write!(text, "{x:.1},{y:.1} ");
    }
    text
}

fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_of_a_metric_are_added() {
        let text =
            "a_total{x=\"1\"} 2\na_total{x=\"2 3\"} 0.5\na_totals 7\n# HELP a_total 9\na_total 1\n";
        assert!((sum(text, "a_total") - 3.5).abs() < f64::EPSILON);
    }

    #[test]
    fn the_line_ends_at_the_right_edge() {
        let line = points(&[0.0, 5.0, 10.0], 10.0);
        assert!(line.trim_end().ends_with("360.0,2.0"), "{line}");
        assert_eq!(line.split_whitespace().count(), 3);
    }
}
