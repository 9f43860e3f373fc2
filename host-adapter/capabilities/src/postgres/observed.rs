//! A span and a measurement around each statement.

use std::{sync::Arc, time::Instant};

use tracing::{Instrument as _, Span, field::Empty};

use super::Error;
use crate::metrics::{METRICS, operation};

/// A statement that is observed.
pub(super) struct Observed<'a> {
    component: &'a Arc<str>,
    operation: &'static str,
    span: Span,
    start: Instant,
}

impl<'a> Observed<'a> {
    /// Begins to observe the statement `sql` of `component`. The span has the text of the statement, which
    /// has placeholders for values, and never the values.
    pub(super) fn begin(component: &'a Arc<str>, sql: &str) -> Self {
        let operation = operation(sql);
        let span = adapter_telemetry::recorded_span!(
            "statement",
            otel.name = operation,
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = "postgresql",
            db.operation.name = operation,
            db.query.text = sql,
        );
        Self {
            component,
            operation,
            span,
            start: Instant::now(),
        }
    }

    /// Runs the statement, which is `run`.
    pub(super) async fn run<T>(
        self,
        run: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = run.instrument(self.span.clone()).await;
        METRICS.statement(self.component, self.operation, self.start.elapsed());
        if result.is_err() {
            self.span.record("otel.status_code", "ERROR");
        }
        result
    }
}
