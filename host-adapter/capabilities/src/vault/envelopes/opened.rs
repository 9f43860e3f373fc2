//! The ids of opened requests that all adapters on one PostgreSQL share.
//!
//! Each opened request costs a row. Requests that arrive while a statement runs are written together by the
//! next one, so the number of statements depends on PostgreSQL's speed and not on the load.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use uuid::Uuid;

use super::EnvelopeSettings;
use crate::postgres::{Definitions, Error, Pool};

const SCHEMA: &str = include_str!("opened.sql");

/// Sorted, so that two adapters that insert the same ids do not deadlock.
const INSERT: &str = "insert into opened_envelopes (id, forget_at) \
    select id, now() + make_interval(secs => $2) from unnest($1::uuid[]) as id order by id \
    on conflict (id) do nothing returning id";

/// Deletes rows in batches, so that one adapter does not block others for long.
const FORGET: &str = "delete from opened_envelopes where id in (select id from opened_envelopes \
    where forget_at < to_timestamp($1) limit 10000 for update skip locked)";

const READ_CLOCK: &str = "select extract(epoch from clock_timestamp())::float8";

/// How much longer than its validity an id is kept. The clocks of adapters and PostgreSQL differ by less.
const MARGIN: Duration = Duration::from_secs(60);

/// A difference between two clocks in seconds that is no larger is a delay.
const TOLERANCE: f64 = 5.0;

/// Requests that wait for the next statement. Beyond it they are unavailable at once. More than the
/// requests that a host has in flight.
const QUEUE: usize = 2_048;

/// The most ids of one statement.
const MAX_BATCH: usize = 1_000;

/// Time between two deletions. One deletes 10,000 rows, so 10,000 requests a second are forgotten in time.
const FORGET_INTERVAL: Duration = Duration::from_secs(1);

/// Whether another adapter has opened an envelope could not be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the adapter cannot check at the moment whether another one has opened the envelope")]
pub struct OpenedError;

/// An id, and where to say whether it is new.
type Waiting = (Uuid, oneshot::Sender<Result<bool, OpenedError>>);

/// The shared ids. Clones share them, too.
#[derive(Debug, Clone)]
pub struct OpenedEnvelopes(mpsc::Sender<Waiting>);

impl OpenedEnvelopes {
    /// Creates the table if it is missing, and starts the task that writes ids. The task ends with the last
    /// clone.
    ///
    /// # Errors
    ///
    /// PostgreSQL fails or does not answer.
    pub async fn open(pool: Pool, settings: &EnvelopeSettings) -> Result<Self, Error> {
        pool.run(|connection| Box::pin(create_table(connection)))
            .await?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let keep = settings.max_age + settings.clock_skew + MARGIN;
        tokio::spawn(write(receiver, pool, keep));
        Ok(Self(sender))
    }

    /// Whether no adapter has opened this envelope before.
    pub(super) async fn admit(&self, kid: &str, id: &str) -> Result<bool, OpenedError> {
        let (sender, answer) = oneshot::channel();
        self.0
            .try_send((row_id(kid, id), sender))
            .map_err(|_| OpenedError)?;
        answer.await.map_err(|_| OpenedError)?
    }
}

/// The id of a row. It includes the key's id, so an issuer cannot use up the ids of another, and has one
/// length.
fn row_id(kid: &str, id: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(kid)
        .chain_update([0])
        .chain_update(id)
        .finalize();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    Uuid::from_bytes(bytes)
}

async fn create_table(connection: &mut PgConnection) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    Definitions::Tables.lock(&mut transaction).await?;
    transaction.execute(SCHEMA).await?;
    Ok(transaction.commit().await?)
}

/// Writes what waits, until the last sender is gone.
async fn write(mut receiver: mpsc::Receiver<Waiting>, pool: Pool, keep: Duration) {
    let mut waiting = Vec::new();
    let mut forgotten_at = Instant::now();
    let mut clock = SteadyClock::default();
    while receiver.recv_many(&mut waiting, MAX_BATCH).await > 0 {
        let ids: Vec<Uuid> = waiting.iter().map(|(id, _)| *id).collect();
        let inserted = insert(&pool, ids, keep).await;
        for (id, answer) in waiting.drain(..) {
            let new = inserted.as_ref().map(|new| new.binary_search(&id).is_ok());
            // The request may have ended meanwhile.
            let _ = answer.send(new.map_err(|_| OpenedError));
        }
        if forgotten_at.elapsed() >= FORGET_INTERVAL {
            forgotten_at = Instant::now();
            // The pool logs an outage. What is not deleted now is deleted later.
            let _ = forget(&pool, &mut clock, keep).await;
        }
    }
}

/// Inserts ids, and returns those that were missing, sorted.
async fn insert(pool: &Pool, ids: Vec<Uuid>, keep: Duration) -> Result<Vec<Uuid>, Error> {
    pool.run(move |connection| {
        Box::pin(async move {
            let query = sqlx::query(INSERT).bind(ids).bind(keep.as_secs_f64());
            let rows = query.fetch_all(connection).await?;
            let ids = rows.iter().map(|row| row.try_get(0));
            let mut ids = ids.collect::<Result<Vec<Uuid>, _>>()?;
            ids.sort_unstable();
            Ok(ids)
        })
    })
    .await
}

async fn forget(pool: &Pool, clock: &mut SteadyClock, keep: Duration) -> Result<(), Error> {
    let read = pool.run(|connection| {
        Box::pin(async move { Ok(sqlx::query_scalar(READ_CLOCK).fetch_one(connection).await?) })
    });
    let Some(now) = clock.time(read.await?, Instant::now(), keep) else {
        return Ok(());
    };
    pool.run(move |connection| {
        Box::pin(async move {
            sqlx::query(FORGET).bind(now).execute(connection).await?;
            Ok(())
        })
    })
    .await
}

/// PostgreSQL's clock, as long as nobody sets it. Ids must not be forgotten early because it was set forward: their
/// envelopes expire by the clocks of the hosts, and could be opened by another adapter.
#[derive(Debug, Default)]
struct SteadyClock {
    /// The last reading, in seconds since 1970.
    last: Option<(f64, Instant)>,
    steady_since: Option<Instant>,
}

impl SteadyClock {
    /// Returns the reading, if the clock was not set for as long as ids are kept.
    fn time(&mut self, reading: f64, at: Instant, keep: Duration) -> Option<f64> {
        let passed = |before: Instant| at.saturating_duration_since(before);
        let is_steady = self.last.is_some_and(|(last, read_at)| {
            (reading - last - passed(read_at).as_secs_f64()).abs() < TOLERANCE
        });
        if !is_steady {
            self.steady_since = Some(at);
        }
        self.last = Some((reading, at));
        let steady_since = self.steady_since?;
        (passed(steady_since) >= keep).then_some(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_because_a_clock_was_set() {
        let (mut clock, start) = (SteadyClock::default(), Instant::now());
        let keep = Duration::from_secs(60);
        let mut time = |after: u64, reading: f64| {
            clock.time(reading, start + Duration::from_secs(after), keep)
        };
        assert_eq!(time(0, 1_000.0), None);
        assert_eq!(time(59, 1_059.0), None);
        assert_eq!(time(60, 1_060.0), Some(1_060.0));
        assert_eq!(time(61, 11_061.0), None);
        assert_eq!(time(120, 11_120.0), None);
        assert_eq!(time(121, 11_121.0), Some(11_121.0));
        assert_eq!(time(122, 1_122.0), None);
    }
}
