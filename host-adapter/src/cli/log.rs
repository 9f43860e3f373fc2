//! The adapter's log: JSON lines on stderr, with the same keys as the components' logs so that one
//! query finds both.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::Command;
use crate::config::{Environment, Settings};
use adapter_telemetry::traces::Traces;

/// The value of `component` for events that do not name a component.
const COMPONENT: &str = "host-adapter";

/// Starts logging at the level in the settings, and tracing for commands that serve. Libraries log from
/// WARNING on.
pub(super) fn init(
    settings: &Settings,
    environment: &Environment,
    command: &Command,
) -> anyhow::Result<Option<Traces>> {
    let traces = if matches!(command, Command::Up(_) | Command::Serve(_)) {
        let variable = |name: &str| environment.get(name).map(str::to_owned);
        Some(Traces::start(&settings.traces, &variable)?)
    } else {
        None
    };
    let level = settings.log.level.name();
    let level = if level.eq_ignore_ascii_case("warning") {
        "warn"
    } else {
        level
    };
    let level = if level.eq_ignore_ascii_case("critical") {
        "error"
    } else {
        level
    };
    let filter = EnvFilter::new(format!("warn,adapter={level},host_adapter={level}"));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line)
        .with_writer(std::io::stderr)
        .with_filter(filter);
    let subscriber = tracing_subscriber::registry()
        .with(traces.as_ref().map(Traces::layer))
        .with(lines);
    // This fails only if a subscriber is already set, as in a test that runs several commands.
    let _ = subscriber.try_init();
    Ok(traces)
}

/// Formats an event as one line.
struct Line;

/// The keys of a line, in the order that is best to read.
#[derive(Serialize)]
struct Entry {
    timestamp: String,
    level: &'static str,
    component: Value,
    message: Value,
    #[serde(flatten)]
    fields: BTreeMap<&'static str, Value>,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let entry = Entry {
            timestamp: OffsetDateTime::now_utc()
                .format(&Rfc3339)
                .map_err(|_| fmt::Error)?,
            level: level_name(*event.metadata().level()),
            component: fields
                .0
                .remove("component")
                .unwrap_or_else(|| COMPONENT.into()),
            message: fields.0.remove("message").unwrap_or_default(),
            fields: fields.0,
        };
        let line = serde_json::to_string(&entry).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }
}
