//! Traces: one for each recorded request, from the client's `traceparent` to the last statement.
//!
//! Code opens spans with `tracing`. The layer here makes OpenTelemetry's spans of those below a recorded
//! request, keeps the last traces in memory for the operators' page, and exports them to a collector if
//! one is set.

mod export;
#[cfg(test)]
mod fuzz;
mod parent;
mod sampling;
mod scope;
mod settings;
mod span;
mod store;

use std::sync::Arc;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt as _, Targets, dynamic_filter_fn},
    layer::Context,
    registry::LookupSpan,
};

pub use opentelemetry::trace::{SpanId, TraceId};
pub use parent::{Position, TRACEPARENT};
pub use scope::{Ids, InScope, Scope, Scoped, ids, is_recording};
pub use settings::TraceSettings;
pub use span::{Entry, Request, current, delivery, request};
pub use store::{Event, SpanRecord, Store, TraceRecord, TraceSummary};
pub use tracing::{Span, debug_span};

/// The target of the span of a recorded request. Spans below it are recorded, others are not.
pub(crate) const SAMPLED: &str = "adapter_telemetry::sampled";

/// Targets of Spindle's crates begin with these; `guest` is that of lines that components log. Other crates'
/// spans and events are not recorded: an exporter whose own calls were recorded would export without end.
const TARGETS: [&str; 3] = ["adapter", "host_adapter", "guest"];

/// What records traces. Dropping it does not stop the recording.
#[derive(Debug, Clone)]
pub struct Traces {
    /// The last traces.
    pub store: Arc<Store>,
    /// The value of `OTEL_TRACES_SAMPLER` if it is not known. It is ignored, as OpenTelemetry demands, and
    /// the caller warns of it when there is a log.
    pub unknown_sampler: Option<String>,
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts recording by the settings and OpenTelemetry's variables, which `variable` looks up.
    ///
    /// # Errors
    ///
    /// The address of the collector is not valid.
    pub fn start(
        settings: &TraceSettings,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let store = Arc::new(Store::new(settings));
        let mut provider = SdkTracerProvider::builder()
            .with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOn)
            .with_resource(export::resource(variable))
            .with_span_processor(store::Processor(store.clone()));
        if let Some(exporter) = export::exporter(variable)? {
            provider = provider.with_batch_exporter(exporter);
        }
        let sampler = variable("OTEL_TRACES_SAMPLER").filter(|name| !name.is_empty());
        let argument = variable("OTEL_TRACES_SAMPLER_ARG");
        let rule = sampler
            .as_deref()
            .and_then(|name| sampling::Rule::from_variables(name, argument.as_deref()));
        sampling::set(
            rule.unwrap_or(sampling::Rule::PerSecond),
            settings.per_second,
        );
        Ok(Self {
            store,
            unknown_sampler: sampler.filter(|_| rule.is_none()),
            provider: provider.build(),
        })
    }

    /// Records by other settings from now on.
    pub fn change(&self, settings: &TraceSettings) {
        self.store.change(settings);
        sampling::set_per_second(settings.per_second);
    }

    /// The layer that makes traces of `tracing`'s spans.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let targets = TARGETS.map(|target| (target, LevelFilter::DEBUG));
        let targets = Targets::new().with_targets(targets);
        // Without the hint, each TRACE line of every library would be built and passed through the layers.
        let recorded = dynamic_filter_fn(is_recorded).with_max_level_hint(LevelFilter::DEBUG);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("spindle"))
            .with_location(false)
            .with_threads(false)
            .with_level(true)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(targets.and(recorded))
    }

    /// Exports what is not exported yet. It blocks, at most for the exporter's timeout.
    pub fn stop(&self) {
        // The program stops even if the collector does not answer.
        let _ = self.provider.shutdown();
    }
}

/// The current span is one that this filter has let through, so it is below a recorded request.
fn is_recorded<S>(metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    metadata.target() == SAMPLED || context.lookup_current().is_some()
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn other_crates_cost_nothing() {
        let traces = Traces::start(&TraceSettings::default(), &|_| None).expect("traces");
        let subscriber = tracing_subscriber::registry().with(traces.layer());
        // The level that `log` is set to: below it, wasmtime's lines are not even built.
        assert_eq!(subscriber.max_level_hint(), Some(LevelFilter::DEBUG));
        tracing::subscriber::with_default(subscriber, || {
            assert!(!tracing::enabled!(target: "wasmtime::runtime", Level::ERROR));
            assert!(!tracing::enabled!(target: "adapter_bindings", Level::TRACE));
            assert!(tracing::enabled!(target: SAMPLED, Level::INFO));
        });
    }
}
