//! The table of the outbox: leases messages, and records the outcomes of their deliveries.

use std::time::Duration;

use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Uuid};

use adapter_telemetry::traces::Position;

use crate::postgres::{Error, Message, Pool};

/// `skip locked` lets several adapters deliver from one table without waiting for each other.
const LEASE: &str = "update outbox set attempts = least(attempts, 1000000) + 1, \
         next_attempt_at = now() + make_interval(secs => $1) \
     where id in (select id from outbox where refused_at is null and next_attempt_at <= now() \
         order by next_attempt_at limit $2 for update skip locked) \
     returning id, peer, path, body, idempotency_key, attempts, traceparent";

/// A message that is leased for delivery.
#[derive(Debug)]
pub(super) struct LeasedMessage {
    pub(super) id: Uuid,
    pub(super) attempts: i32,
    pub(super) message: Message,
    /// The position in the trace of the request that sent it.
    pub(super) cause: Option<Position>,
}

/// The outcome of a delivery.
#[derive(Debug)]
pub(super) enum DeliveryOutcome {
    /// The peer accepted the message.
    Delivered,
    /// The delivery failed and is repeated after this pause.
    Retry(Duration),
    /// The delivery failed and is not repeated, for this reason, which has at most some 500 characters.
    Rejected(String),
}

impl DeliveryOutcome {
    /// The outcome in one word, for metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry(_) => "retried",
            Self::Rejected(_) => "dead",
        }
    }
}

/// Leases up to `limit` due messages. No other relay gets them during the `lease`.
pub(super) async fn lease_due(
    pool: &Pool,
    limit: i64,
    lease: Duration,
) -> Result<Vec<LeasedMessage>, Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let rows = sqlx::query(LEASE)
                .bind(lease.as_secs_f64())
                .bind(limit)
                .fetch_all(connection)
                .await?;
            rows.iter()
                .map(|row| leased_message(row).map_err(Error::from))
                .collect()
        })
    })
    .await
}

/// The messages in the outbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    /// Not delivered yet, counted up to [`MAX_COUNT`].
    pub(super) waiting: i64,
    /// Not deliverable, counted up to [`MAX_COUNT`].
    pub(super) dead: i64,
    /// Age of the oldest message that waits, in seconds.
    pub(super) age: i64,
}

/// A count beyond this is expensive, and a person reacts to it the same way.
const MAX_COUNT: i64 = 10_000;

/// Messages are ordered by id, which begins with the time.
const DEPTH: &str = "select \
     (select count(*) from (select from outbox where refused_at is null limit $1) as messages) as waiting, \
     (select count(*) from (select from outbox where refused_at is not null limit $1) as messages) as dead, \
     coalesce((select extract(epoch from now() - created_at)::bigint from outbox \
         where refused_at is null order by id limit 1), 0) as age";

/// Counts the messages.
pub(super) async fn depth(pool: &Pool) -> Result<Depth, Error> {
    pool.run(|connection| {
        Box::pin(async move {
            let row = sqlx::query(DEPTH)
                .bind(MAX_COUNT)
                .fetch_one(connection)
                .await?;
            Ok(Depth {
                waiting: row.try_get(0)?,
                dead: row.try_get(1)?,
                age: row.try_get(2)?,
            })
        })
    })
    .await
}

/// Records the outcomes of deliveries. A message whose outcome is lost is delivered again.
pub(super) async fn record(
    pool: &Pool,
    outcomes: Vec<(Uuid, DeliveryOutcome)>,
) -> Result<(), Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let delivered = outcomes
                .iter()
                .filter(|(_, outcome)| matches!(outcome, DeliveryOutcome::Delivered));
            let delivered: Vec<Uuid> = delivered.map(|(id, _)| *id).collect();
            sqlx::query("delete from outbox where id = any($1)")
                .bind(delivered)
                .execute(&mut *connection)
                .await?;
            for (id, outcome) in outcomes {
                record_failure(connection, id, outcome).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Records a delivery that was not accepted. Delivered messages are already deleted.
async fn record_failure(
    connection: &mut PgConnection,
    id: Uuid,
    outcome: DeliveryOutcome,
) -> Result<(), Error> {
    let query = match outcome {
        DeliveryOutcome::Delivered => return Ok(()),
        DeliveryOutcome::Retry(pause) => sqlx::query(
            "update outbox set next_attempt_at = now() + make_interval(secs => $2) where id = $1",
        )
        .bind(id)
        .bind(pause.as_secs_f64()),
        DeliveryOutcome::Rejected(reason) => {
            sqlx::query("update outbox set refused_at = now(), refusal = $2 where id = $1")
                .bind(id)
                .bind(reason)
        }
    };
    query.execute(connection).await?;
    Ok(())
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
        },
    })
}
