//! The spans at which a trace enters and leaves the process.

use std::sync::Arc;

use opentelemetry::{
    Context,
    trace::{Status, TraceContextExt as _},
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Ids, Position, SAMPLED, Scope, ids, sampling};

/// A request that entered the process.
#[derive(Debug, Clone)]
pub struct Request {
    /// Everything that works for the request runs in it.
    pub scope: Scope,
    /// Where it is in its trace, for those that are called.
    pub position: Position,
}

/// What is known of a request when it enters.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The component that handles it.
    pub component: &'a str,
    /// The request id that the client sees.
    pub request_id: &'a str,
    /// `traceparent`, as the caller sent it.
    pub traceparent: Option<&'a str>,
    /// The method and the path, or the function.
    pub method: &'a str,
    /// See `method`.
    pub path: &'a str,
}

/// Begins a request.
#[must_use]
pub fn request(entry: Entry<'_>) -> Request {
    let caller = entry.traceparent.and_then(Position::parse);
    let position = caller.unwrap_or_else(Position::random);
    if sampling::is_chosen(position, caller.is_some()) {
        recorded(entry, caller)
    } else {
        let position = Position {
            sampled: false,
            ..position
        };
        Request {
            scope: unrecorded(entry.component, entry.request_id, position),
            position,
        }
    }
}

fn recorded(entry: Entry<'_>, caller: Option<Position>) -> Request {
    let span = tracing::info_span!(
        target: SAMPLED,
        parent: None,
        "request",
        otel.kind = "server",
        component = entry.component,
        request_id = entry.request_id,
        trace_id = Empty,
        http.request.method = entry.method,
        url.path = entry.path,
        http.route = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
    );
    if let Some(caller) = caller {
        // Fails only without the layer, and then there is no trace.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller.remote()));
    }
    let position = position_of(&span)
        .or(caller)
        .unwrap_or_else(Position::random);
    span.record("trace_id", tracing::field::display(position.trace));
    Request {
        scope: Scope::Recorded(span),
        position,
    }
}

fn unrecorded(component: &str, request_id: &str, position: Position) -> Scope {
    Scope::Unrecorded(Arc::new(Ids {
        component: component.into(),
        request_id: request_id.into(),
        position,
    }))
}

impl Request {
    /// Records how the request was answered. `route` is a name with few values, such as `/users/{id}`.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        let Scope::Recorded(recorded) = &self.scope else {
            return;
        };
        recorded.record("http.route", route);
        recorded.record("http.response.status_code", status);
        let context = recorded.context();
        let span = context.span();
        // The name and the status of a span that has begun can be changed only here.
        span.update_name(format!("{method} {route}"));
        if status >= 500 {
            recorded.record("error.type", status);
            span.set_status(Status::error(""));
        }
    }
}

/// Begins the delivery of a message that `component` sends to `peer`. Its trace is a new one, linked to
/// the request that wrote the message, and recorded if that was.
#[must_use]
pub fn delivery(component: &str, peer: &str, message: &str, cause: Option<Position>) -> Scope {
    let Some(cause) = cause.filter(|cause| cause.sampled) else {
        return unrecorded(component, message, Position::random());
    };
    let span = tracing::info_span!(
        target: SAMPLED,
        parent: None,
        "deliver",
        otel.kind = "producer",
        otel.name = format!("deliver to {peer}"),
        component,
        request_id = message,
        trace_id = Empty,
        messaging.destination.name = peer,
    );
    span.add_link(cause.remote());
    if let Some(position) = position_of(&span) {
        span.record("trace_id", tracing::field::display(position.trace));
    }
    Scope::Recorded(span)
}

/// The position of the running code, for `traceparent` of a call to a peer or for a message that is
/// delivered later. `None` outside of a request.
#[must_use]
pub fn current() -> Option<Position> {
    match ids() {
        Some(ids) => Some(ids.position),
        None => position_of(&Span::current()),
    }
}

fn position_of(span: &Span) -> Option<Position> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| Position::from(&context))
}
