//! Makes lines of events.

use std::sync::Arc;

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::{
    GUEST, context,
    escape::push_json,
    fields::{Fields, push_key},
    filter::{Levels, is_library},
    guest::Guest,
    level::LogLevel,
    line::{HOST, Line},
    log::{Ambient, Outputs},
};

/// Makes lines of events, and hands them to the outputs.
pub(crate) struct LogLayer {
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) levels: Arc<Levels>,
    pub(crate) ambient: Ambient,
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
        // A span says more exactly what a line belongs to.
        let mut outer = context::Context::default();
        (self.ambient)(&mut |name, value| {
            outer.set(name, value);
        });
        context.complete(&outer);
        let component = context.component.as_deref().unwrap_or(HOST);
        let level = LogLevel::of(*event.metadata().level());
        let target = fields
            .target
            .as_deref()
            .unwrap_or(event.metadata().target());
        if !self.levels.permit_event(level, target, component) {
            return None;
        }
        // It says whose line it is, and which level to change.
        if is_library(target) {
            push_key(&mut fields.others, "library");
            push_json(&mut fields.others, target);
        }
        Some(Line {
            request_id: context.request_id,
            trace_id: context.trace_id,
            fields: fields.others,
            ..Line::new(level, component, fields.message)
        })
    }
}
