//! The table behind the memory.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgRow};

use crate::postgres::{Error, Pool};

const SCHEMA: &str = include_str!("schema.sql");

/// Adapters listen here. Channels belong to the database, not to a schema.
pub(super) const CHANNEL: &str = "spindle_ended_sessions";

/// Held while the table is created, since `create table if not exists` fails when two do it at once.
/// The number only has to differ from those of other locks in the database: `sessions` in ASCII.
const LOCK: i64 = 0x7365_7373_696f_6e73;

/// How long rows are kept: longer than any adapter's tokens live, and a day is the most they may.
const KEEP_ROWS: Duration = Duration::from_secs(25 * 60 * 60);

/// One notification per session: a notification is limited to 8,000 bytes. It is sent when, and only
/// when, the row is committed.
const END: &str = "with ended as (insert into ended_sessions (id) \
         select distinct id from unnest($1::text[]) as id \
         on conflict (id) do update set ended_at = excluded.ended_at returning id) \
     select pg_notify($2, id) from ended";

const ENDED_WITHIN: &str = "select id, extract(epoch from now() - ended_at)::float8 \
     from ended_sessions where ended_at > now() - make_interval(secs => $1)";

const ENDED_AMONG: &str = "select id, extract(epoch from now() - ended_at)::float8 \
     from ended_sessions where id = any($1)";

/// In portions, so that no adapter is kept from the table by another's tidying.
const FORGET: &str = "delete from ended_sessions where id in (select id from ended_sessions \
     where ended_at < now() - make_interval(secs => $1) limit 10000 for update skip locked)";

/// A session, and how long ago it ended.
pub(super) type Ended = (String, Duration);

pub(super) async fn create_table(pool: &Pool) -> Result<(), Error> {
    pool.run(|connection| {
        Box::pin(async move {
            let mut transaction = connection.begin().await?;
            sqlx::query("select pg_advisory_xact_lock($1)")
                .bind(LOCK)
                .execute(&mut *transaction)
                .await?;
            transaction.execute(SCHEMA).await?;
            Ok(transaction.commit().await?)
        })
    })
    .await
}

pub(super) async fn end(pool: &Pool, sessions: Vec<String>) -> Result<(), Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let query = sqlx::query(END).bind(sessions).bind(CHANNEL);
            query.execute(connection).await?;
            Ok(())
        })
    })
    .await
}

pub(super) async fn ended_within(pool: &Pool, period: Duration) -> Result<Vec<Ended>, Error> {
    pool.run(move |connection| {
        Box::pin(async move { Ok(ended_within_on(connection, period).await?) })
    })
    .await
}

/// As [`ended_within`], on the listener's own connection.
pub(super) async fn ended_within_on(
    connection: &mut PgConnection,
    period: Duration,
) -> Result<Vec<Ended>, sqlx::Error> {
    let query = sqlx::query(ENDED_WITHIN).bind(period.as_secs_f64());
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(ended).collect()
}

/// Which of `sessions` have ended.
pub(super) async fn ended_among(
    connection: &mut PgConnection,
    sessions: Vec<String>,
) -> Result<Vec<Ended>, sqlx::Error> {
    let query = sqlx::query(ENDED_AMONG).bind(sessions);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(ended).collect()
}

/// Removes rows that matter to nobody any more.
pub(super) async fn forget(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let query = sqlx::query(FORGET).bind(KEEP_ROWS.as_secs_f64());
    query.execute(connection).await?;
    Ok(())
}

fn ended(row: &PgRow) -> Result<Ended, sqlx::Error> {
    let seconds: f64 = row.try_get(1)?;
    // PostgreSQL's clock may have been set back since.
    let ago = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
    Ok((row.try_get(0)?, ago))
}
