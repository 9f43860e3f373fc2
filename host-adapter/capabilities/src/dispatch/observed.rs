//! A span and a measurement around each attempt.

use std::{sync::Arc, time::Instant};

use adapter_telemetry::metrics::Value;
use tracing::{Span, field::Empty};

use super::{Error, Response, attempt::Exchange, retry::Outcome};
use crate::metrics::METRICS;

/// An attempt that is observed.
pub(super) struct Observed<'a> {
    component: &'a Arc<str>,
    peer: &'a str,
    pub(super) span: Span,
    start: Instant,
}

impl<'a> Observed<'a> {
    /// Begins to observe attempt number `attempt` of `exchange`.
    pub(super) fn begin(
        component: &'a Arc<str>,
        peer: &'a str,
        exchange: &Exchange<'_>,
        attempt: u32,
    ) -> Self {
        let span = adapter_telemetry::recorded_span!(
            "call",
            otel.name = format!("{} {peer}", exchange.method),
            otel.kind = "client",
            otel.status_code = Empty,
            peer.service = peer,
            http.request.method = exchange.method.as_str(),
            url.path = exchange.url.path(),
            http.request.resend_count = attempt.saturating_sub(1),
            http.response.status_code = Empty,
        );
        Self {
            component,
            peer,
            span,
            start: Instant::now(),
        }
    }

    /// Records how the attempt ended.
    pub(super) fn finish(self, outcome: Option<Outcome>, result: &Result<Response, Error>) {
        let word: Value = match outcome {
            Some(Outcome::Answered(status, _)) => {
                self.span.record("http.response.status_code", status);
                status.to_string().into()
            }
            Some(Outcome::NotSent) => "not-connected".into(),
            Some(Outcome::Unknown) => "broken".into(),
            None => "invalid".into(),
        };
        let took = self.start.elapsed();
        METRICS.attempt(self.component, self.peer, word, took);
        if result.is_err() {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}
