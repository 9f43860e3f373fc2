//! Puts together where events go.

use adapter_logging::{Log, Terminal};
use adapter_telemetry::{
    metrics::register_collector,
    traces::{self, TraceSettings, Traces},
};
use anyhow::Context as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Command, component_names, log_metrics::LogMetrics};
use crate::config::{Environment, Settings};

/// Starts logging and tracing, until the result is dropped. Only `up` and `serve` keep files, because two processes
/// must not rotate the same ones.
pub(super) fn start(
    settings: &Settings,
    environment: &Environment,
    command: &Command,
) -> anyhow::Result<(Log, Option<Traces>)> {
    let components = component_names(settings);
    let traced = settings.traces;
    let mut settings = settings.log.clone();
    if !matches!(command, Command::Up(_) | Command::Serve(_)) {
        settings.directory = None;
    }
    let terminal = terminal(environment);
    let log = Log::start(&settings, components.clone(), terminal);
    let mut log = log.with_context(|| {
        let directory = settings.directory.clone().unwrap_or_default();
        format!(
            "starting the log, which `log.directory` sets to `{}`",
            directory.display()
        )
    })?;
    log.log_panics();
    register_collector(LogMetrics(Box::new(log.counts())));
    // This fails only if a subscriber is already set, as in a test that runs several commands.
    let traces = start_traces(&traced, environment, command)?;
    let _ = tracing_subscriber::registry()
        .with(traces.as_ref().map(Traces::layer))
        .with(log.layer(current_request))
        .try_init();
    if let Some(name) = traces
        .as_ref()
        .and_then(|traces| traces.unknown_sampler.as_ref())
    {
        tracing::warn!(
            "`OTEL_TRACES_SAMPLER` is `{name}`, which is not a known sampler, and is ignored; use \
             `parentbased_traceidratio` or another one of OpenTelemetry's"
        );
    }
    if let (Command::Serve(_), Some(directory)) = (command, &settings.spin_directory) {
        log.collect(directory, &components)?;
    }
    Ok((log, traces))
}

/// Tells the log what the running code works for, if no span does.
fn current_request(tell: &mut dyn FnMut(&'static str, &str)) {
    if let Some(ids) = traces::ids() {
        tell("component", &ids.component);
        tell("request_id", &ids.request_id);
        tell("trace_id", &ids.position.trace.to_string());
    }
}

/// Only what serves is traced.
fn start_traces(
    settings: &TraceSettings,
    environment: &Environment,
    command: &Command,
) -> anyhow::Result<Option<Traces>> {
    if !matches!(command, Command::Up(_) | Command::Serve(_)) {
        return Ok(None);
    }
    let variable = |name: &str| environment.get(name).map(str::to_owned);
    Traces::start(settings, &variable).map(Some)
}

/// See <https://no-color.org>.
fn terminal(environment: &Environment) -> Terminal {
    let is_dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
    Terminal {
        colour: environment.get("NO_COLOR").is_none() && !is_dumb,
    }
}
