//! The table of revoked sessions.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgRow};

use super::{
    clocks::{Clocks, unix_time},
    revocations::CAPACITY,
};
use crate::postgres::{Definitions, Error, Pool};

const SCHEMA: &str = include_str!("schema.sql");

/// The channel of the notifications. Channels belong to a database, not to a schema.
pub(super) const CHANNEL: &str = "spindle_ended_sessions";

/// The most rows of a query: one more than an adapter holds, so that it learns that there are more.
const MAX_ROWS: i64 = CAPACITY as i64 + 1;

/// Rows are inserted in order, so that two calls with the same sessions wait for each other instead of
/// deadlocking. Sends one notification per session, because a notification is limited to 8,000 bytes. PostgreSQL
/// sends it when the row is committed.
///
/// `$3` is the host's clock. By PostgreSQL's, if that is behind and set right later, the session would have ended long
/// ago, and another adapter would not look for it.
const REVOKE: &str = "with ended as (insert into ended_sessions (id, ended_at) \
         select distinct id, greatest(now(), to_timestamp($3::float8)) \
         from unnest($1::text[]) as id order by id \
         on conflict (id) do update set ended_at = excluded.ended_at returning id) \
     select pg_notify($2, id) from ended";

/// `$3` is by how many seconds PostgreSQL's clock is ahead of the host's. Sessions that ended before it was set forward
/// seem so much older.
const REVOKED_WITHIN: &str = "select id, extract(epoch from now() - ended_at)::float8 - $3::float8 \
     from ended_sessions where ended_at > now() - make_interval(secs => $1::float8 + $3::float8) \
     order by ended_at desc limit $2";

const REVOKED_AMONG: &str = "select id, extract(epoch from now() - ended_at)::float8 \
     from ended_sessions where id = any($1)";

/// Deletes rows in batches, so that the deletion by one adapter does not block others for long.
const DELETE_OLD_ROWS: &str = "delete from ended_sessions where id in (select id from ended_sessions \
     where ended_at < now() - make_interval(secs => $1) limit 10000 for update skip locked)";

/// The id of a session, and the time since it was revoked.
pub(super) type Revoked = (String, Duration);

pub(super) async fn create_table(pool: &Pool) -> Result<(), Error> {
    pool.run(|connection| {
        Box::pin(async move {
            let mut transaction = connection.begin().await?;
            Definitions::Tables.lock(&mut transaction).await?;
            transaction.execute(SCHEMA).await?;
            Ok(transaction.commit().await?)
        })
    })
    .await
}

pub(super) async fn revoke(pool: &Pool, sessions: Vec<String>) -> Result<(), Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let query = sqlx::query(REVOKE).bind(sessions).bind(CHANNEL);
            let query = query.bind(unix_time().as_secs_f64());
            query.execute(connection).await?;
            Ok(())
        })
    })
    .await
}

/// Returns the sessions that were revoked within `period`, also if PostgreSQL's clock was set forward since.
pub(super) async fn revoked_within(
    connection: &mut PgConnection,
    period: Duration,
    clocks: &Clocks,
) -> Result<Vec<Revoked>, sqlx::Error> {
    let query = sqlx::query(REVOKED_WITHIN)
        .bind(period.as_secs_f64())
        .bind(MAX_ROWS)
        .bind(clocks.lead());
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(revoked).collect()
}

/// Returns which of `sessions` are revoked.
pub(super) async fn revoked_among(
    connection: &mut PgConnection,
    sessions: Vec<String>,
) -> Result<Vec<Revoked>, sqlx::Error> {
    let query = sqlx::query(REVOKED_AMONG).bind(sessions);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(revoked).collect()
}

/// Deletes up to 10,000 rows of sessions that were revoked more than `max_age` ago.
pub(super) async fn delete_old_rows(
    connection: &mut PgConnection,
    max_age: Duration,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(DELETE_OLD_ROWS).bind(max_age.as_secs_f64());
    query.execute(connection).await?;
    Ok(())
}

fn revoked(row: &PgRow) -> Result<Revoked, sqlx::Error> {
    let seconds: f64 = row.try_get(1)?;
    // The time is negative if PostgreSQL's clock was set back, or if it was ahead already when the session ended.
    let age = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
    Ok((row.try_get(0)?, age))
}
