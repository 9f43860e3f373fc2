//! The position of requests that are not recorded. A peer must get the same trace id, so that the log lines
//! of both can be found together (W3C Trace Context, section 3.3).

use opentelemetry::trace::{SpanId, TraceId};
use tracing::{
    Span, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, Registry, layer::Context, registry::LookupSpan};

use super::{Position, UNSAMPLED};

/// Notes the position of each span with the target [`UNSAMPLED`].
pub(super) struct Positions;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Positions {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != UNSAMPLED {
            return;
        }
        let mut ids = Ids::default();
        attributes.record(&mut ids);
        if let (Some(trace), Some(span), Some(created)) = (ids.trace, ids.span, context.span(id)) {
            let position = Position {
                trace,
                span,
                sampled: false,
            };
            created.extensions_mut().insert(position);
        }
    }
}

#[derive(Default)]
struct Ids {
    trace: Option<TraceId>,
    span: Option<SpanId>,
}

impl Visit for Ids {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "trace_id" => self.trace = TraceId::from_hex(&format!("{value:?}")).ok(),
            "span_id" => self.span = SpanId::from_hex(&format!("{value:?}")).ok(),
            _ => {}
        }
    }
}

/// The position of `span`, or of the nearest span around it that has one.
pub(super) fn position_of(span: &Span) -> Option<Position> {
    span.with_subscriber(|(id, subscriber)| {
        let registry = subscriber.downcast_ref::<Registry>()?;
        let mut scope = registry.span(id)?.scope();
        scope.find_map(|span| span.extensions().get::<Position>().copied())
    })?
}
