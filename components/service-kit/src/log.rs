//! Log lines: one JSON object per line on standard error, which is the only log output of a component.
//!
//! Code logs through `tracing`, and this module is its subscriber. Bodies, tokens and e-mail addresses
//! are never fields.

use std::fmt;
use std::io::Write as _;
use std::panic::PanicHookInfo;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::{clock, exchange};

/// Maximum length of a value in bytes. Longer values are cut, so that a line is one write: WASI splits
/// writes above 4,096 bytes.
const MAX_VALUE: usize = 1024;

/// Installs the logger of `component`. It also logs panics, which end the instance.
pub(crate) fn install(component: &'static str, level: &str) {
    let filter = parse_level(level);
    let logger = Logger {
        component,
        filter: filter.unwrap_or(LevelFilter::INFO),
    };
    // Fails if the instance has installed a logger before. It then keeps that one.
    let _ = tracing::subscriber::set_global_default(logger);
    std::panic::set_hook(Box::new(move |panic| log_panic(component, panic)));
    if filter.is_none() {
        tracing::warn!(level, "`log_level` is not a valid level; using INFO");
    }
}

fn parse_level(name: &str) -> Option<LevelFilter> {
    Some(match name.trim().to_ascii_uppercase().as_str() {
        "DEBUG" => LevelFilter::DEBUG,
        "" | "INFO" => LevelFilter::INFO,
        "WARNING" | "WARN" => LevelFilter::WARN,
        "ERROR" => LevelFilter::ERROR,
        // Panics bypass the filter.
        "CRITICAL" => LevelFilter::OFF,
        _ => return None,
    })
}

fn log_panic(component: &'static str, panic: &PanicHookInfo<'_>) {
    let mut fields = Fields::default();
    let reason = panic.payload_as_str().unwrap_or("unknown reason");
    fields.message = format!("the component panicked: {reason}");
    if let Some(location) = panic.location() {
        fields.add("location", location.to_string());
    }
    write(component, "CRITICAL", fields);
}

struct Logger {
    component: &'static str,
    filter: LevelFilter,
}

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter >= *metadata.level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        write(self.component, name(*event.metadata().level()), fields);
    }

    /// Spans are not used, because the exchange already connects the lines of a request.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    component: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    message: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

fn write(component: &'static str, level: &'static str, fields: Fields) {
    let exchange = exchange::current();
    let line = Line {
        timestamp: clock::now(),
        level,
        component,
        request_id: exchange
            .as_ref()
            .and_then(|exchange| exchange.request_id.to_str().ok()),
        trace_id: exchange.as_ref().and_then(|exchange| exchange.trace_id()),
        message: fields.message,
        fields: fields.others,
    };
    if let Ok(mut text) = serde_json::to_vec(&line) {
        text.push(b'\n');
        // Nothing can be reported if standard error is closed.
        let _ = std::io::stderr().write_all(&text);
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.others.insert(name.to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = cut(value);
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.add(field.name(), value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }
}

fn cut(value: &str) -> &str {
    value
        .get(..value.floor_char_boundary(MAX_VALUE))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_any_case_and_unknown_ones_are_not_levels() {
        assert_eq!(parse_level("debug"), Some(LevelFilter::DEBUG));
        assert_eq!(parse_level("Warn"), Some(LevelFilter::WARN));
        assert_eq!(parse_level("WARNING"), Some(LevelFilter::WARN));
        assert_eq!(parse_level("critical"), Some(LevelFilter::OFF));
        assert_eq!(parse_level(""), Some(LevelFilter::INFO));
        assert_eq!(parse_level("loud"), None);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(1000)).chars().count(), 512);
    }
}
