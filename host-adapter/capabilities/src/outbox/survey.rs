//! A look at the whole outbox: how much waits, what is due when nothing has woken the relay, and what
//! cannot be delivered.

use std::time::Duration;

use sqlx::{Row as _, types::Uuid};

use super::lanes::LONGEST_PAUSE;
use crate::postgres::{Error, Pool};

/// A count beyond this is expensive, and a person reacts to it the same way.
const MAX_COUNT: i64 = 10_000;

/// Messages that one statement changes, so that it does not hold many rows for long. The next one changes more.
const MAX_CHANGED: i64 = 1_000;

/// No message waits or is leased for longer, so one that is due later was stored while PostgreSQL's clock was
/// ahead. Twice the longest pause, because that varies.
const FURTHEST_DUE: Duration = LONGEST_PAUSE.saturating_mul(2);

/// Messages are ordered by id, which begins with the time. The bounds are for times that a component wrote
/// itself, such as `infinity`.
const SURVEY: &str = "select \
     (select count(*) from (select from outbox where refused_at is null limit $1) as messages), \
     (select count(*) from (select from outbox where refused_at is not null limit $1) as messages), \
     coalesce((select extract(epoch from now() - greatest(created_at, now() - interval '100 years'))::bigint \
         from outbox where refused_at is null order by id limit 1), 0), \
     (select extract(epoch from least(greatest(next_attempt_at, now()), now() + interval '1 hour') - now())::float8 \
         from outbox where refused_at is null order by next_attempt_at limit 1)";

/// A component can write any peer into its table.
const REJECT_UNKNOWN: &str = "update outbox set refused_at = now(), refusal = $2 \
     where id in (select id from outbox where refused_at is null and peer <> all($1) \
         limit $3 for update skip locked) \
     returning id";

/// A message that is being delivered may be delivered twice, as after the end of its lease.
const BRING_FORWARD: &str = "update outbox set next_attempt_at = now(), leased_by = null \
     where id in (select id from outbox where refused_at is null \
         and next_attempt_at > now() + make_interval(secs => $1) limit $2 for update skip locked)";

/// A message that waits is not leased, or its lease has ended. What a person retried is as old as that.
const EXPIRE: &str = "update outbox set refused_at = now(), leased_by = null, \
         refusal = left('it was not delivered within `dispatch.outbox_max_age`' \
             || coalesce('; ' || refusal, ''), 600) \
     where id in (select id from outbox where refused_at is null \
         and coalesce(retried_at, created_at) < now() - make_interval(secs => $1) \
         and (leased_by is null or next_attempt_at <= now()) \
         order by id limit $2 for update skip locked) \
     returning id";

const DELETE_DEAD: &str = "delete from outbox where id in (select id from outbox \
     where refused_at < now() - make_interval(secs => $1) \
     order by refused_at limit $2 for update skip locked)";

/// The messages in the outbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    /// Not delivered yet, counted up to [`MAX_COUNT`].
    pub(super) waiting: i64,
    /// Not deliverable, counted up to [`MAX_COUNT`].
    pub(super) dead: i64,
    /// Age of the oldest message that waits, in seconds.
    pub(super) age: i64,
    /// When the next message is due, or its lease ends. `None` if no message waits.
    pub(super) next_due: Option<Duration>,
}

/// Looks at the outbox.
pub(super) async fn survey(pool: &Pool) -> Result<Survey, Error> {
    let work = pool.run(|connection| {
        Box::pin(async move {
            let query = sqlx::query(SURVEY).bind(MAX_COUNT);
            let row = query.fetch_one(connection).await?;
            let seconds: Option<f64> = row.try_get(3)?;
            Ok(Survey {
                waiting: row.try_get(0)?,
                dead: row.try_get(1)?,
                age: row.try_get(2)?,
                next_due: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            })
        })
    });
    work.await
}

/// Makes messages due that would wait for too long because PostgreSQL's clock was set back. Returns how many.
pub(super) async fn bring_forward(pool: &Pool) -> Result<u64, Error> {
    let mut all = 0;
    loop {
        let work = pool.run(|connection| {
            Box::pin(async move {
                let query = sqlx::query(BRING_FORWARD).bind(FURTHEST_DUE.as_secs_f64());
                let done = query.bind(MAX_CHANGED).execute(connection).await?;
                Ok(done.rows_affected())
            })
        });
        let changed = work.await?;
        all += changed;
        if changed < MAX_CHANGED.unsigned_abs() {
            return Ok(all);
        }
    }
}

/// Makes messages to other peers than `granted` undeliverable for this `reason`. Returns their ids.
pub(super) async fn reject_unknown(
    pool: &Pool,
    granted: Vec<String>,
    reason: String,
) -> Result<Vec<Uuid>, Error> {
    let work = pool.run(|connection| {
        Box::pin(async move {
            let query = sqlx::query_scalar(REJECT_UNKNOWN)
                .bind(granted)
                .bind(reason);
            Ok(query.bind(MAX_CHANGED).fetch_all(connection).await?)
        })
    });
    work.await
}

/// Makes messages undeliverable that are older than `max_age`. Returns their ids.
pub(super) async fn expire(pool: &Pool, max_age: Duration) -> Result<Vec<Uuid>, Error> {
    let work = pool.run(move |connection| {
        Box::pin(async move {
            let query = sqlx::query_scalar(EXPIRE).bind(max_age.as_secs_f64());
            Ok(query.bind(MAX_CHANGED).fetch_all(connection).await?)
        })
    });
    work.await
}

/// Deletes messages that have been undeliverable for longer than `max_age`. Returns how many.
pub(super) async fn delete_dead(pool: &Pool, max_age: Duration) -> Result<u64, Error> {
    let work = pool.run(move |connection| {
        Box::pin(async move {
            let query = sqlx::query(DELETE_DEAD).bind(max_age.as_secs_f64());
            let done = query.bind(MAX_CHANGED).execute(connection).await?;
            Ok(done.rows_affected())
        })
    });
    work.await
}
