//! The table behind the relay: taking messages, and saying what became of them.

use std::time::Duration;

use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Uuid};

use crate::postgres::{Error, Message, Pool};

/// `skip locked` lets several adapters empty one table without waiting for each other.
const TAKE: &str = "update outbox set attempts = least(attempts, 1000000) + 1, \
         next_attempt_at = now() + make_interval(secs => $1) \
     where id in (select id from outbox where refused_at is null and next_attempt_at <= now() \
         order by next_attempt_at limit $2 for update skip locked) \
     returning id, peer, path, body, idempotency_key, attempts";

/// A message taken for delivery.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: Uuid,
    pub(super) attempts: i32,
    pub(super) message: Message,
}

/// What became of a delivery.
#[derive(Debug)]
pub(super) enum Fate {
    /// The peer has it.
    Delivered,
    /// Not now; again after this pause.
    Later(Duration),
    /// The peer will never take it, for this reason.
    Refused(String),
}

/// Takes up to `limit` due messages, which belong to the caller for as long as the `lease`.
pub(super) async fn take(pool: &Pool, limit: i64, lease: Duration) -> Result<Vec<Taken>, Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let rows = sqlx::query(TAKE)
                .bind(lease.as_secs_f64())
                .bind(limit)
                .fetch_all(connection)
                .await?;
            rows.iter()
                .map(|row| taken(row).map_err(Error::from))
                .collect()
        })
    })
    .await
}

/// Records what became of the messages. What is lost of it is delivered once more.
pub(super) async fn settle(pool: &Pool, fates: Vec<(Uuid, Fate)>) -> Result<(), Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let delivered = fates
                .iter()
                .filter(|(_, fate)| matches!(fate, Fate::Delivered));
            let delivered: Vec<Uuid> = delivered.map(|(id, _)| *id).collect();
            sqlx::query("delete from outbox where id = any($1)")
                .bind(delivered)
                .execute(&mut *connection)
                .await?;
            for (id, fate) in fates {
                settle_one(connection, id, fate).await?;
            }
            Ok(())
        })
    })
    .await
}

async fn settle_one(connection: &mut PgConnection, id: Uuid, fate: Fate) -> Result<(), Error> {
    let query = match fate {
        Fate::Delivered => return Ok(()),
        Fate::Later(pause) => sqlx::query(
            "update outbox set next_attempt_at = now() + make_interval(secs => $2) where id = $1",
        )
        .bind(id)
        .bind(pause.as_secs_f64()),
        Fate::Refused(reason) => {
            sqlx::query("update outbox set refused_at = now(), refusal = $2 where id = $1")
                .bind(id)
                .bind(reason)
        }
    };
    query.execute(connection).await?;
    Ok(())
}

fn taken(row: &PgRow) -> Result<Taken, sqlx::Error> {
    Ok(Taken {
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
