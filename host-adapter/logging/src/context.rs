//! What ties the lines of a request together.

use std::fmt;

use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{layer, registry::LookupSpan};

/// Bytes of each. The host accepts no longer request ids, names and trace ids are shorter.
const MAX_LENGTH: usize = 128;

/// The component, request and trace that a line belongs to. A span's are kept in its extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    pub(crate) component: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) trace_id: Option<String>,
}

impl Context {
    /// Sets the field `name`; false if this context does not have the field. An empty value removes it.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> bool {
        let place = match name {
            "component" => &mut self.component,
            "request_id" => &mut self.request_id,
            "trace_id" => &mut self.trace_id,
            _ => return false,
        };
        let value = value.get(..value.floor_char_boundary(MAX_LENGTH));
        *place = value.filter(|value| !value.is_empty()).map(str::to_owned);
        true
    }

    /// Takes what is missing from `outer`.
    pub(crate) fn complete(&mut self, outer: &Self) {
        let pairs = [
            (&mut self.component, &outer.component),
            (&mut self.request_id, &outer.request_id),
            (&mut self.trace_id, &outer.trace_id),
        ];
        for (place, value) in pairs {
            if place.is_none() {
                place.clone_from(value);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.component.is_none() && self.request_id.is_none() && self.trace_id.is_none()
    }
}

impl Visit for Context {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if has(field.name()) {
            self.set(field.name(), &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value);
    }
}

fn has(name: &str) -> bool {
    matches!(name, "component" | "request_id" | "trace_id")
}

/// Whether a span names the request that its events belong to.
pub(crate) fn names_request(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    fields.field("request_id").is_some() || fields.field("trace_id").is_some()
}

/// Keeps the context of a new span.
pub(crate) fn keep<S>(attributes: &Attributes<'_>, id: &Id, subscriber: &layer::Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut context = Context::default();
    attributes.record(&mut context);
    if let Some(span) = subscriber.span(id).filter(|_| !context.is_empty()) {
        span.extensions_mut().replace(context);
    }
}

/// Keeps what is recorded later.
pub(crate) fn update<S>(id: &Id, values: &Record<'_>, subscriber: &layer::Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = subscriber.span(id) else {
        return;
    };
    let mut extensions = span.extensions_mut();
    let mut context = extensions.remove::<Context>().unwrap_or_default();
    values.record(&mut context);
    if !context.is_empty() {
        extensions.replace(context);
    }
}
