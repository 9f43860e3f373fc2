//! The table of the outbox: leases messages, and records the outcomes of their deliveries.

use std::time::Duration;

use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Uuid};

use crate::postgres::{Error, Message, Pool};

/// `skip locked` lets several adapters deliver from one table without waiting for each other.
const LEASE: &str = "update outbox set attempts = least(attempts, 1000000) + 1, \
         next_attempt_at = now() + make_interval(secs => $1) \
     where id in (select id from outbox where refused_at is null and next_attempt_at <= now() \
         order by next_attempt_at limit $2 for update skip locked) \
     returning id, peer, path, body, idempotency_key, attempts";

/// A message that is leased for delivery.
#[derive(Debug)]
pub(super) struct LeasedMessage {
    pub(super) id: Uuid,
    pub(super) attempts: i32,
    pub(super) message: Message,
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
        message: Message {
            peer: row.try_get(1)?,
            path: row.try_get(2)?,
            body: row.try_get(3)?,
            idempotency_key: row.try_get(4)?,
        },
    })
}
