//! The spans at which a trace enters and leaves the process.

use opentelemetry::{Context, trace::TraceContextExt as _};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Position, SAMPLED, UNSAMPLED, sampling};

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
        unrecorded(entry, position)
    }
}

fn recorded(entry: Entry<'_>, caller: Option<Position>) -> Request {
    let span = tracing::info_span!(
        target: SAMPLED,
        parent: None,
        "request",
        otel.kind = "server",
        otel.name = Empty,
        otel.status_code = Empty,
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
    let position = position_of(&span).or(caller).unwrap_or_else(Position::random);
    span.record("trace_id", tracing::field::display(position.trace));
    Request { span, position }
}

/// The span only gives log lines their ids.
fn unrecorded(entry: Entry<'_>, position: Position) -> Request {
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
    );
    Request { span, position }
}

/// The position of the current span, for `traceparent` of a call to a peer or for a message that is
/// delivered later. `None` outside of a recorded request.
#[must_use]
pub fn current() -> Option<Position> {
    position_of(&Span::current())
}

/// Links the current span to the one that caused it earlier, such as the request that wrote a message.
pub fn link_current_to(cause: Position) {
    Span::current().add_link(cause.remote());
}

fn position_of(span: &Span) -> Option<Position> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| Position::from(&context))
}
