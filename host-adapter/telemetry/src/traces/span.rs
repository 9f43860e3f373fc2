//! The spans at which a trace enters and leaves the process.

use opentelemetry::{
    Context,
    trace::{Status, TraceContextExt as _},
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Position, SAMPLED, UNSAMPLED, sampling, unrecorded};

/// A request that entered the process.
#[derive(Debug, Clone)]
pub struct Request {
    /// The span. Everything that works for the request runs in it.
    pub span: Span,
    /// The position of `span`, for those that are called.
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

/// Opens the span of a request.
#[must_use]
pub fn request(entry: Entry<'_>) -> Request {
    let caller = entry.traceparent.and_then(Position::parse);
    let position = caller.unwrap_or_else(Position::random);
    if sampling::is_chosen(position, caller.is_some()) {
        recorded(entry, caller)
    } else {
        ids_only(entry, position)
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
    Request { span, position }
}

/// The span only gives log lines their ids.
fn ids_only(entry: Entry<'_>, position: Position) -> Request {
    let position = Position {
        sampled: false,
        ..position
    };
    let span = tracing::info_span!(
        target: UNSAMPLED,
        parent: None,
        "request",
        component = entry.component,
        request_id = entry.request_id,
        trace_id = %position.trace,
        span_id = %position.span,
    );
    Request { span, position }
}

impl Request {
    /// Records how the request was answered. `route` is a name with few values, such as `/users/{id}`.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        if !self.position.sampled {
            return;
        }
        self.span.record("http.route", route);
        self.span.record("http.response.status_code", status);
        let context = self.span.context();
        let span = context.span();
        // The name and the status of a span that has begun can be changed only here.
        span.update_name(format!("{method} {route}"));
        if status >= 500 {
            self.span.record("error.type", status);
            span.set_status(Status::error(""));
        }
    }
}

/// Opens the span of a message that `component` delivers to `peer`. Its trace is a new one, linked to
/// the request that wrote the message, and recorded if that was.
#[must_use]
pub fn delivery(component: &str, peer: &str, message: &str, cause: Option<Position>) -> Span {
    let Some(cause) = cause.filter(|cause| cause.sampled) else {
        let position = Position::random();
        return tracing::info_span!(
            target: UNSAMPLED,
            parent: None,
            "deliver",
            component,
            request_id = message,
            trace_id = %position.trace,
            span_id = %position.span,
        );
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
    span
}

/// The position of the current span, for `traceparent` of a call to a peer or for a message that is
/// delivered later. `None` outside of a request.
#[must_use]
pub fn current() -> Option<Position> {
    let span = Span::current();
    position_of(&span).or_else(|| unrecorded::position_of(&span))
}

fn position_of(span: &Span) -> Option<Position> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| Position::from(&context))
}
