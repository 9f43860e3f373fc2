//! What the capabilities measure. The names of databases' and calls' metrics are OpenTelemetry's.

mod pools;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use adapter_telemetry::metrics::{
    Counter, Durations, Family, Gauge, Labels, Value, durations, labels, register, register_seconds,
};

pub(crate) use pools::{Observed, PoolState, register as register_pool};

/// Operations of SQL that are counted separately. A component can send any other word.
const OPERATIONS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"];

/// The value of a label that is not known: OpenTelemetry's name for it.
const OTHER: &str = "_OTHER";

/// The metrics of this crate.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::register);

/// See [`METRICS`].
pub(crate) struct Metrics {
    operations: Durations<Labels<4>>,
    waits: Durations<Labels<1>>,
    timeouts: Family<Labels<1>, Counter>,
    attempts: Durations<Labels<3>>,
    retries: Family<Labels<2>, Counter>,
    retries_denied: Family<Labels<2>, Counter>,
    retry_budget: Family<Labels<2>, Gauge>,
    breaker: Family<Labels<2>, Gauge>,
    breaker_opened: Family<Labels<2>, Counter>,
    calls_rejected: Family<Labels<2>, Counter>,
    deliveries: Family<Labels<3>, Counter>,
    outbox: Family<Labels<2>, Gauge>,
    outbox_age: Family<Labels<1>, Gauge>,
    /// Hashes that run.
    pub(crate) passwords_running: Gauge,
    /// Hashes that wait for a thread.
    pub(crate) passwords_waiting: Gauge,
    /// Calls that found the queue full.
    pub(crate) passwords_rejected: Counter,
    rejections: Family<Labels<2>, Counter>,
}

impl Metrics {
    /// One statement of `component`. `operation` is its first word.
    pub(crate) fn statement(&self, component: &Arc<str>, operation: &'static str, took: Duration) {
        self.operation("postgresql", component, operation.into(), "".into(), took);
    }

    /// One operation on documents.
    pub(crate) fn document_operation(
        &self,
        system: &'static str,
        component: &Arc<str>,
        operation: &'static str,
        collection: &str,
        took: Duration,
    ) {
        let collection = collection.to_owned();
        self.operation(system, component, operation.into(), collection.into(), took);
    }

    fn operation(
        &self,
        system: &'static str,
        component: &Arc<str>,
        operation: Value,
        collection: Value,
        took: Duration,
    ) {
        let labels = labels([
            ("component", component.into()),
            ("db_system_name", system.into()),
            ("db_operation_name", operation),
            ("db_collection_name", collection),
        ]);
        self.operations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A wait for a connection of `pool`, which ended with one if `connected`.
    pub(crate) fn waited(&self, pool: &Arc<str>, took: Duration, connected: bool) {
        let labels = labels([("db_client_connection_pool_name", pool.into())]);
        self.waits
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        if !connected {
            self.timeouts.get_or_create(&labels).inc();
        }
    }

    /// One attempt to call `peer`. `outcome` is the status, or why there is none.
    pub(crate) fn attempt(&self, component: &Arc<str>, peer: &str, outcome: Value, took: Duration) {
        let labels = labels([
            ("component", component.into()),
            ("peer", peer.to_owned().into()),
            ("outcome", outcome),
        ]);
        self.attempts
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A repeated attempt.
    pub(crate) fn retry(&self, component: &Arc<str>, peer: &str) {
        let labels = of_peer(component, peer);
        self.retries.get_or_create(&labels).inc();
    }

    /// An attempt that was not repeated, because the budget was used up.
    pub(crate) fn retry_denied(&self, component: &Arc<str>, peer: &str) {
        let labels = of_peer(component, peer);
        self.retries_denied.get_or_create(&labels).inc();
    }

    /// The retries that are left in the budget.
    pub(crate) fn retry_budget(&self, component: &Arc<str>, peer: &str, left: u32) {
        let labels = of_peer(component, peer);
        self.retry_budget.get_or_create(&labels).set(left.into());
    }

    /// The state of the breaker, and whether it has just opened.
    pub(crate) fn breaker(&self, component: &Arc<str>, peer: &str, state: i64, opened: bool) {
        let labels = of_peer(component, peer);
        self.breaker.get_or_create(&labels).set(state);
        if opened {
            self.breaker_opened.get_or_create(&labels).inc();
        }
    }

    /// A call or a retry that the open breaker rejected.
    pub(crate) fn call_rejected(&self, component: &Arc<str>, peer: &str) {
        let labels = of_peer(component, peer);
        self.calls_rejected.get_or_create(&labels).inc();
    }

    /// A delivery of a message. `outcome` is `delivered`, `retried` or `dead`.
    pub(crate) fn delivery(&self, component: &Arc<str>, peer: &str, outcome: &'static str) {
        let labels = labels([
            ("component", component.into()),
            ("messaging_destination_name", peer.to_owned().into()),
            ("outcome", outcome.into()),
        ]);
        self.deliveries.get_or_create(&labels).inc();
    }

    /// The messages in the outbox of `component`, and the age of the oldest in seconds.
    pub(crate) fn outbox(&self, component: &Arc<str>, waiting: i64, dead: i64, age: i64) {
        for (state, count) in [("waiting", waiting), ("dead", dead)] {
            let labels = labels([("component", component.into()), ("state", state.into())]);
            self.outbox.get_or_create(&labels).set(count);
        }
        let labels = labels([("component", component.into())]);
        self.outbox_age.get_or_create(&labels).set(age);
    }

    /// An envelope or a token was rejected. `reason` is one of the words in the code.
    pub(crate) fn rejected(&self, what: &'static str, reason: &'static str) {
        let labels = labels([("kind", what.into()), ("reason", reason.into())]);
        self.rejections.get_or_create(&labels).inc();
    }

    fn register() -> Self {
        let passwords: Family<Labels<1>, Gauge> = register(
            "spindle_passwords",
            "Password hashes that run or wait for a thread",
            Family::default(),
        );
        let state =
            |state: &'static str| passwords.get_or_create_owned(&labels([("state", state.into())]));
        Self {
            operations: register_seconds(
                "db_client_operation_duration",
                "Time of a statement or of an operation on documents",
                durations(),
            ),
            waits: register_seconds(
                "db_client_connection_wait_time",
                "Time to get a connection from the pool",
                durations(),
            ),
            timeouts: register(
                "db_client_connection_timeouts",
                "Waits for a connection that ended without one",
                Family::default(),
            ),
            attempts: register_seconds(
                "spindle_dispatch_attempt_duration",
                "Time of one attempt to call a peer",
                durations(),
            ),
            retries: register(
                "spindle_dispatch_retries",
                "Attempts that repeated a failed one",
                Family::default(),
            ),
            retries_denied: register(
                "spindle_dispatch_retries_denied",
                "Failed attempts that were not repeated because the retry budget was used up",
                Family::default(),
            ),
            retry_budget: register(
                "spindle_dispatch_retry_budget",
                "Retries that are left in the budget",
                Family::default(),
            ),
            breaker: register(
                "spindle_dispatch_breaker_state",
                "State of the circuit breaker: 0 closed, 1 half-open, 2 open",
                Family::default(),
            ),
            breaker_opened: register(
                "spindle_dispatch_breaker_opened",
                "How often the circuit breaker opened",
                Family::default(),
            ),
            calls_rejected: register(
                "spindle_dispatch_rejected_attempts",
                "Calls and retries that were not made because the circuit breaker was open",
                Family::default(),
            ),
            deliveries: register(
                "spindle_outbox_deliveries",
                "Deliveries of messages by outcome: delivered, retried, dead",
                Family::default(),
            ),
            outbox: register(
                "spindle_outbox_messages",
                "Messages in the outbox, counted up to 10,000",
                Family::default(),
            ),
            outbox_age: register(
                "spindle_outbox_oldest_age_seconds",
                "Age of the oldest message that waits",
                Family::default(),
            ),
            passwords_running: state("running"),
            passwords_waiting: state("waiting"),
            passwords_rejected: register(
                "spindle_passwords_rejected",
                "Calls to hash a password that found the queue full",
                Counter::default(),
            ),
            rejections: register(
                "spindle_vault_rejected",
                "Envelopes and tokens that were rejected",
                Family::default(),
            ),
        }
    }
}

fn of_peer(component: &Arc<str>, peer: &str) -> Labels<2> {
    labels([
        ("component", component.into()),
        ("peer", peer.to_owned().into()),
    ])
}

/// Adds 1 to a gauge until it is dropped.
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The first word of a statement, if it is one of [`OPERATIONS`].
pub(crate) fn operation(sql: &str) -> &'static str {
    let first = sql.split_ascii_whitespace().next().unwrap_or_default();
    let mut operations = OPERATIONS.into_iter();
    operations
        .find(|operation| operation.eq_ignore_ascii_case(first))
        .unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_operations_are_names() {
        assert_eq!(operation("  select 1"), "SELECT");
        assert_eq!(operation("Insert into a values (1)"), "INSERT");
        assert_eq!(operation("selected"), OTHER);
        assert_eq!(operation(""), OTHER);
    }
}
