//! What both ways of a call share: its span, its limit, and what is said of one that is rejected.

use std::time::Duration;

use tokio::sync::SemaphorePermit;

use adapter_telemetry::traces::{self, Entry, Scope};
use adapter_wire::{Call, MAX_ID};

use super::{callers::Caller, connection::Connections, metrics, rejection::Rejection};

/// A place among the calls in flight of the component.
pub(super) fn enter(caller: &Caller) -> Result<SemaphorePermit<'_>, Rejection> {
    let permit = caller.calls.try_acquire();
    permit.map_err(|_| Rejection::TooManyCalls)
}

impl Connections {
    /// How long a call may take: less than the setting if the caller of the component's request waits for less.
    pub(super) fn time_limit(&self, left: Option<Duration>) -> Duration {
        let longest = self.settings.request_timeout;
        left.map_or(longest, |left| left.min(longest))
    }
}

/// What a call belongs to. Its parent is the request that the component is handling on the other host.
pub(super) fn scope(caller: &Caller, call: &Call<'_>) -> Scope {
    let short = |id: &'_ str| id.len() <= MAX_ID && !id.is_empty();
    let traced = traces::request(Entry {
        component: caller.adapter.component(),
        request_id: Some(call.request_id)
            .filter(|id| short(id))
            .unwrap_or_default(),
        traceparent: Some(call.traceparent).filter(|id| short(id)),
        method: "CALL",
        path: call.function,
    });
    traced.scope
}

/// Counts and logs a call that is rejected.
pub(super) fn rejected(caller: &Caller, function: &str, rejection: &Rejection) {
    let component = caller.adapter.component();
    metrics::rejected(component, rejection.word());
    tracing::warn!(component, function, "rejected a call: {rejection}");
}

/// Counts and logs a call of a caller that is not identified.
pub(super) fn rejected_stranger() -> Rejection {
    metrics::rejected("_OTHER", Rejection::UnknownCaller.word());
    tracing::warn!("rejected a call: its token or certificate belongs to no component");
    Rejection::UnknownCaller
}
