//! Makes lines of events.

use std::sync::Arc;

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::{
    GUEST,
    context::{self},
    fields::Fields,
    filter::Levels,
    guest::Guest,
    level::LogLevel,
    line::{HOST, Line},
    log::Outputs,
};

/// Makes lines of events, and hands them to the outputs.
pub(crate) struct LogLayer {
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) levels: Arc<Levels>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, subscriber: Context<'_, S>) {
        context::keep(attributes, id, &subscriber);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, subscriber: Context<'_, S>) {
        context::update(id, values, &subscriber);
    }

    fn on_event(&self, event: &Event<'_>, subscriber: Context<'_, S>) {
        let line = if event.metadata().target() == GUEST {
            self.guest_line(event)
        } else {
            self.adapter_line(event, &subscriber)
        };
        if let Some(line) = line {
            self.outputs.write(line);
        }
    }
}

impl LogLayer {
    fn guest_line(&self, event: &Event<'_>) -> Option<Line> {
        let mut guest = Guest::default();
        event.record(&mut guest);
        let line = guest.into_line();
        self.levels
            .permit(line.level, &line.component)
            .then_some(line)
    }

    fn adapter_line<S>(&self, event: &Event<'_>, subscriber: &Context<'_, S>) -> Option<Line>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut context = fields.context;
        for span in subscriber.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<context::Context>() {
                context.complete(outer);
            }
        }
        let component = context.component.as_deref().unwrap_or(HOST);
        if !self.levels.permit_event(event.metadata(), component) {
            return None;
        }
        let level = LogLevel::of(*event.metadata().level());
        Some(Line {
            request_id: context.request_id,
            trace_id: context.trace_id,
            fields: fields.others,
            ..Line::new(level, component, fields.message)
        })
    }
}
