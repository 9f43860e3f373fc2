//! Delivers the messages in one component's outbox.

use std::{sync::Arc, time::Duration};

use adapter_settings::{MINUTE, Time};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use sqlx::types::Uuid;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::store::{self, DeliveryOutcome, LeasedMessage};
use adapter_telemetry::traces;

use crate::{
    dispatch::{self, Dispatch},
    metrics::METRICS,
    postgres::{Error, Postgres},
};

/// Messages that are leased at once. A larger number delays more messages if the relay is killed. A
/// smaller number costs round trips when many messages wait.
const BATCH: i64 = 64;

/// Deliveries at once. They keep a peer busy, but leave capacity for its other callers.
const CONCURRENCY: u32 = 8;

/// Pause after the first failed delivery. It doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two deliveries of a message. A peer gets its messages within this time after an
/// outage.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often the outbox is measured. The count costs a scan of up to 10,000 rows.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);

/// How often a relay looks for messages.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct RelaySettings {
    /// Longest time between two queries when nothing wakes the relay. Messages of this
    /// process wake it at once. Messages of other processes and retries wait up to this long.
    #[serde(with = "Time::<50, { 5 * MINUTE }>")]
    pub outbox_interval: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            outbox_interval: Duration::from_secs(1),
        }
    }
}

/// Delivers the messages of one component's transactions.
pub struct Relay {
    postgres: Postgres,
    dispatch: Dispatch,
    messages: Arc<Notify>,
    settings: RelaySettings,
}

impl Relay {
    /// Creates a relay that reads messages from `postgres` and delivers them with `dispatch`.
    #[must_use]
    pub fn new(postgres: Postgres, dispatch: Dispatch, settings: RelaySettings) -> Self {
        let messages = postgres.message_signal();
        Self {
            postgres,
            dispatch,
            messages,
            settings,
        }
    }

    /// Runs until `shutdown` is cancelled, and finishes the deliveries that have started.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failing = false;
        let mut measured: Option<Instant> = None;
        while !shutdown.is_cancelled() {
            if measured.is_none_or(|measured| measured.elapsed() > MEASURE_INTERVAL) {
                self.measure().await;
                measured = Some(Instant::now());
            }
            let result = self.deliver_batch(&shutdown).await;
            // The pool logs outages of PostgreSQL. Other errors repeat, so only the first is logged.
            let failed = matches!(&result, Err(error) if !matches!(error, Error::Unavailable(_)));
            if let Err(error) = &result
                && failed
                && !failing
            {
                tracing::error!("the messages in the outbox cannot be delivered: {error}");
            }
            failing = failed;
            // After a full batch, more messages may be due.
            if result.is_ok_and(|leased| leased == usize::try_from(BATCH).unwrap_or_default()) {
                continue;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.messages.notified() => {}
                () = tokio::time::sleep(self.settings.outbox_interval) => {}
            }
        }
    }

    /// Measures the outbox. The pool logs outages of PostgreSQL.
    async fn measure(&self) {
        let component = self.postgres.component();
        match store::depth(self.postgres.pool()).await {
            Ok(depth) => METRICS.outbox(component, depth.waiting, depth.dead, depth.age),
            Err(error) => {
                tracing::debug!("the outbox of `{component}` cannot be measured: {error}")
            }
        }
    }

    /// Delivers one batch and returns its size.
    async fn deliver_batch(&self, shutdown: &CancellationToken) -> Result<usize, Error> {
        let batch = store::lease_due(self.postgres.pool(), BATCH, self.lease()).await?;
        let leased = batch.len();
        if leased == 0 {
            return Ok(0);
        }
        let outcomes: Vec<(Uuid, DeliveryOutcome)> = stream::iter(batch)
            .map(|message| self.deliver(message, shutdown))
            .buffer_unordered(CONCURRENCY as usize)
            .collect()
            .await;
        store::record(self.postgres.pool(), outcomes).await?;
        Ok(leased)
    }

    /// How long a leased message belongs to this relay. The lease is longer than a batch takes.
    /// Otherwise two relays would deliver the message, which is harmless but wasteful.
    fn lease(&self) -> Duration {
        let rounds = u32::try_from(BATCH).unwrap_or(u32::MAX) / CONCURRENCY;
        self.dispatch.timeout().saturating_mul(rounds) + LONGEST_PAUSE
    }

    async fn deliver(
        &self,
        leased: LeasedMessage,
        shutdown: &CancellationToken,
    ) -> (Uuid, DeliveryOutcome) {
        if shutdown.is_cancelled() {
            return (leased.id, DeliveryOutcome::Retry(Duration::ZERO));
        }
        let LeasedMessage {
            id,
            attempts,
            message,
            cause,
        } = leased;
        let peer = message.peer.clone();
        let component = self.postgres.component();
        let span = traces::delivery(component, &peer, &id.to_string(), cause);
        let request = dispatch::Request {
            peer: message.peer,
            method: "POST".into(),
            path: message.path,
            body: Some(message.body),
            sealed: true,
            idempotency_key: Some(message.idempotency_key),
            ..Default::default()
        };
        let call = self.dispatch.call(request).instrument(span.clone());
        let outcome = outcome_of(call.await, attempts);
        METRICS.delivery(component, &peer, outcome.word());
        let _within = span.entered();
        match &outcome {
            DeliveryOutcome::Delivered => {}
            DeliveryOutcome::Retry(pause) => {
                tracing::debug!("message `{id}` to `{peer}` is delivered again after {pause:?}")
            }
            DeliveryOutcome::Rejected(reason) => {
                tracing::error!("message `{id}` is not deliverable to `{peer}`: {reason}")
            }
        }
        (id, outcome)
    }
}

/// Decides what happens to a message. A 4xx status is final, except those that ask for a later request
/// (RFC 9110, RFC 6585, RFC 8470).
fn outcome_of(
    result: Result<dispatch::Response, dispatch::Error>,
    attempts: i32,
) -> DeliveryOutcome {
    match result {
        Ok(response) if (200..300).contains(&response.status) => DeliveryOutcome::Delivered,
        Ok(response)
            if (400..500).contains(&response.status)
                && !matches!(response.status, 408 | 425 | 429) =>
        {
            let answer = dispatch::describe(response.status, &response.body);
            DeliveryOutcome::Rejected(format!("the peer answered {answer}"))
        }
        Err(
            error @ (dispatch::Error::Denied(_)
            | dispatch::Error::Invalid(_)
            | dispatch::Error::TooLarge(_)),
        ) => DeliveryOutcome::Rejected(error.to_string()),
        Ok(_) | Err(_) => DeliveryOutcome::Retry(retry_pause(attempts)),
    }
}

fn retry_pause(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or_default()
        .min(16);
    let bound = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    // The pause is random between half of the bound and the bound, so that messages that failed at the
    // same time are not retried at the same time.
    bound.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Result<dispatch::Response, dispatch::Error> {
        Ok(dispatch::Response {
            status,
            body: String::new(),
        })
    }

    #[test]
    fn message_is_delivered_only_with_a_2xx_status() {
        assert!(matches!(
            outcome_of(answered(201), 1),
            DeliveryOutcome::Delivered
        ));
        for status in [301, 408, 425, 429, 500, 501] {
            assert!(
                matches!(outcome_of(answered(status), 1), DeliveryOutcome::Retry(_)),
                "{status}"
            );
        }
        for error in [dispatch::Error::Timeout, dispatch::Error::Untrusted] {
            assert!(matches!(
                outcome_of(Err(error), 1),
                DeliveryOutcome::Retry(_)
            ));
        }
    }

    #[test]
    fn message_with_a_final_error_is_not_retried() {
        assert!(matches!(
            outcome_of(answered(422), 1),
            DeliveryOutcome::Rejected(_)
        ));
        assert!(matches!(
            outcome_of(Err(dispatch::Error::Denied(String::new())), 1),
            DeliveryOutcome::Rejected(_)
        ));
    }

    #[test]
    fn retry_pause_grows_to_a_limit() {
        assert!(retry_pause(1) <= FIRST_PAUSE);
        assert!(retry_pause(4) >= FIRST_PAUSE * 4);
        assert!(retry_pause(1_000) <= LONGEST_PAUSE);
    }
}
