//! The table of the outbox: leases messages, and records the outcomes of their deliveries.

use std::{sync::Arc, time::Duration};

use sqlx::{Row as _, postgres::PgRow, types::Uuid};

use adapter_telemetry::traces::Position;

use super::delivery::DeliveryOutcome;
use crate::postgres::{Error, Message, Pool};

/// Leases the messages that are due to each peer, as many as it has places. `skip locked` lets several
/// adapters deliver from one table without waiting for each other. A message with a key waits until the
/// earlier ones of its key are gone. A join could run the selection more than once, and lease more, so it is
/// materialized.
const LEASE: &str = "with leased as materialized (select due.id \
         from unnest($3::text[], $4::bigint[]) as free (peer, places) \
         cross join lateral (select message.id from outbox as message \
             where message.peer = free.peer and message.refused_at is null \
                 and message.next_attempt_at <= now() \
                 and (message.key is null or not exists (select from outbox as earlier \
                     where earlier.peer = message.peer and earlier.key = message.key \
                         and earlier.refused_at is null and earlier.number < message.number)) \
             order by message.next_attempt_at limit free.places \
             for update of message skip locked) as due) \
     update outbox set attempts = least(attempts, 1000000) + 1, leased_by = $1, \
         next_attempt_at = now() + make_interval(secs => $2) \
     from leased where outbox.id = leased.id \
     returning outbox.id, peer, path, body, idempotency_key, attempts, traceparent, key";

/// A relay whose lease has ended changes nothing, because another one may deliver the message.
const RENEW: &str = "update outbox set next_attempt_at = now() + make_interval(secs => $3) \
     where id = any($2) and leased_by = $1 and refused_at is null";

const DELIVERED: &str = "delete from outbox where id = any($1)";

const FAILED: &str = "update outbox set leased_by = null, refusal = failed.reason, \
         next_attempt_at = now() + make_interval(secs => failed.pause), \
         refused_at = case when failed.dead then now() end \
     from unnest($2::uuid[], $3::text[], $4::float8[], $5::boolean[]) \
         as failed (id, reason, pause, dead) \
     where outbox.id = failed.id and leased_by = $1";

/// The delivery was not completed, so it does not count as an attempt.
const HAND_BACK: &str = "update outbox set leased_by = null, next_attempt_at = now(), \
         attempts = greatest(attempts - 1, 0) \
     where id = any($2) and leased_by = $1 and refused_at is null";

/// A message that is leased for delivery.
#[derive(Debug)]
pub(super) struct LeasedMessage {
    pub(super) id: Uuid,
    pub(super) attempts: i32,
    pub(super) message: Message,
    /// The position in the trace of the request that sent it.
    pub(super) cause: Option<Position>,
}

/// The table, as one relay uses it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pool: Pool,
    /// The relay.
    relay: Uuid,
}

impl Table {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            relay: Uuid::now_v7(),
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Leases due messages: to each peer at most the number beside it. No other relay gets them during the
    /// `lease`.
    pub(super) async fn lease(
        &self,
        places: &[(Arc<str>, usize)],
        lease: Duration,
    ) -> Result<Vec<LeasedMessage>, Error> {
        let relay = self.relay;
        let peers: Vec<String> = places.iter().map(|(peer, _)| (**peer).to_owned()).collect();
        let numbers = places.iter().map(|(_, places)| i64::try_from(*places));
        let numbers: Vec<i64> = numbers.map(Result::unwrap_or_default).collect();
        let work = self.pool.run(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(LEASE)
                    .bind(relay)
                    .bind(lease.as_secs_f64())
                    .bind(peers)
                    .bind(numbers)
                    .fetch_all(connection)
                    .await?;
                rows.iter()
                    .map(|row| leased_message(row).map_err(Error::from))
                    .collect()
            })
        });
        work.await
    }

    /// Extends the leases of `messages`.
    pub(super) async fn renew(&self, messages: Vec<Uuid>, lease: Duration) -> Result<(), Error> {
        let relay = self.relay;
        let work = self.pool.run(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(RENEW).bind(relay).bind(messages);
                query.bind(lease.as_secs_f64()).execute(connection).await?;
                Ok(())
            })
        });
        work.await
    }

    /// Records the outcomes of deliveries. A message whose outcome is lost is delivered again.
    pub(super) async fn record(&self, outcomes: Vec<(Uuid, DeliveryOutcome)>) -> Result<(), Error> {
        let relay = self.relay;
        let mut delivered = Vec::new();
        let mut failed = Failed::default();
        for (id, outcome) in outcomes {
            match outcome {
                DeliveryOutcome::Delivered => delivered.push(id),
                DeliveryOutcome::Retry(pause, reason) => failed.push(id, reason, pause, false),
                DeliveryOutcome::Rejected(reason) => failed.push(id, reason, Duration::ZERO, true),
            }
        }
        let work = self.pool.run(move |connection| {
            Box::pin(async move {
                if !delivered.is_empty() {
                    let query = sqlx::query(DELIVERED).bind(delivered);
                    query.execute(&mut *connection).await?;
                }
                if !failed.ids.is_empty() {
                    let query = sqlx::query(FAILED).bind(relay).bind(failed.ids);
                    let query = query.bind(failed.reasons).bind(failed.pauses);
                    query.bind(failed.dead).execute(&mut *connection).await?;
                }
                Ok(())
            })
        });
        work.await
    }

    /// Ends the leases of `messages`, so that another relay can deliver them at once.
    pub(super) async fn hand_back(&self, messages: Vec<Uuid>) -> Result<(), Error> {
        let relay = self.relay;
        let work = self.pool.run(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(HAND_BACK).bind(relay).bind(messages);
                query.execute(connection).await?;
                Ok(())
            })
        });
        work.await
    }
}

/// The columns of failed deliveries.
#[derive(Default)]
struct Failed {
    ids: Vec<Uuid>,
    reasons: Vec<String>,
    pauses: Vec<f64>,
    dead: Vec<bool>,
}

impl Failed {
    fn push(&mut self, id: Uuid, reason: String, pause: Duration, dead: bool) {
        self.ids.push(id);
        self.reasons.push(reason);
        self.pauses.push(pause.as_secs_f64());
        self.dead.push(dead);
    }
}

fn leased_message(row: &PgRow) -> Result<LeasedMessage, sqlx::Error> {
    Ok(LeasedMessage {
        id: row.try_get(0)?,
        attempts: row.try_get(5)?,
        cause: row.try_get::<Option<&str>, _>(6)?.and_then(Position::parse),
        message: Message {
            peer: row.try_get(1)?,
            path: row.try_get(2)?,
            body: row.try_get(3)?,
            idempotency_key: row.try_get(4)?,
            key: row.try_get(7)?,
        },
    })
}
