//! A span and a measurement around each statement.

use std::{sync::Arc, time::Instant};

use tracing::{Instrument as _, field::Empty};

use super::Error;
use crate::metrics::{METRICS, operation};

/// Runs the statement `sql` of `component`, which is `run`. The span has the text of the statement, which
/// has placeholders for values, and never the values.
pub(super) async fn statement<T>(
    component: &Arc<str>,
    sql: &str,
    run: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let span = tracing::debug_span!(
        "statement",
        otel.name = operation(sql),
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "postgresql",
        db.operation.name = operation(sql),
        db.query.text = sql,
    );
    let start = Instant::now();
    let result = run.instrument(span.clone()).await;
    METRICS.statement(component, sql, start.elapsed());
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    result
}
