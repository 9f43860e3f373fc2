//! Connections to one database with one role, shared by all calls.
//!
//! The driver is sqlx's, but the pool is deadpool's. sqlx's pool pings the server after every use, in a
//! separate task, which doubles the round trips of a call with one statement. This pool checks a
//! connection only after it was idle. A connection that appears broken is closed at once, together with
//! all idle connections.
//!
//! Work ends with its caller: PostgreSQL is told to end the session of a statement that nobody waits for
//! any more, or that runs longer than it may.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use adapter_telemetry::traces::InScope as _;
use deadpool::managed::{self, Object, PoolError, TimeoutType};
use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use adapter_contract::deadline;

use super::{
    Error, PostgresSettings,
    connections::{self, Connected, Connections},
};
use crate::metrics::{METRICS, Observed, PoolState, register_pool};

/// How much longer than `statement_timeout` the adapter waits for an answer. PostgreSQL has this time to
/// report that it cancelled the statement.
const GRACE: Duration = Duration::from_millis(500);

/// How long work may go on without its caller. Most statements end by then, and keep their connection.
/// Ending a session costs a new connection, so clients must not be able to cause it with every request.
const PATIENCE: Duration = Duration::from_millis(100);

/// Connections for background work outside the serving threads, such as the outbox.
const BACKGROUND_CONNECTIONS: usize = 2;

/// A cloneable handle to the connections.
#[derive(Clone)]
pub struct Pool {
    /// One shard per serving thread. The last shard serves all other threads.
    shards: Arc<Shards>,
    /// One connection that ends the sessions of others. It is opened when it is first needed.
    ending: managed::Pool<Connections>,
    /// The index of this handle's shard. `None` means the last one.
    shard: Option<usize>,
    statement_timeout: Duration,
    work_timeout: Duration,
    acquire_timeout: Duration,
    reachable: Arc<AtomicBool>,
    label: Arc<str>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// One pool per serving thread, and one for all other threads.
struct Shards(Vec<managed::Pool<Connections>>);

impl Observed for Shards {
    fn state(&self) -> PoolState {
        self.0.iter().fold(PoolState::default(), |sum, shard| {
            let status = shard.status();
            PoolState {
                open: sum.open + status.size,
                idle: sum.idle + status.available,
                max: sum.max + status.max_size,
                waiting: sum.waiting + status.waiting,
            }
        })
    }
}

impl Pool {
    /// Creates a pool. It opens the first connection when it is first used.
    ///
    /// The connections are divided among the serving `threads`. `label` names the pool in the
    /// log, such as `postgres of user`.
    ///
    /// # Errors
    ///
    /// An error if the pool cannot be built, which is a bug in this program.
    pub fn new(
        options: PgConnectOptions,
        settings: &PostgresSettings,
        threads: usize,
        label: &str,
    ) -> Result<Self, anyhow::Error> {
        let timeout = settings.statement_timeout.as_millis().to_string();
        let work_timeout = settings.statement_timeout + GRACE;
        let idle = work_timeout.as_millis().to_string();
        let options = options.options([
            ("statement_timeout", timeout.as_str()),
            // A host that vanishes in a transaction must not keep its locks.
            ("idle_in_transaction_session_timeout", idle.as_str()),
        ]);
        let threads = threads.clamp(1, settings.connections);
        let each = settings.connections / threads;
        let last = BACKGROUND_CONNECTIONS.min(settings.connections);
        let sizes = std::iter::repeat_n(each, threads).chain([last]);
        let shards = sizes
            .map(|size| connections::pool(&options, settings, size))
            .collect::<Result<_, _>>()?;
        let shards = Arc::new(Shards(shards));
        let label: Arc<str> = label.into();
        let observed: Arc<dyn Observed> = shards.clone();
        register_pool(label.clone(), Arc::downgrade(&observed));
        Ok(Self {
            shards,
            ending: connections::pool(&options, settings, 1)?,
            shard: None,
            statement_timeout: settings.statement_timeout,
            work_timeout,
            // Longer than the pool's own timeouts, whose errors say more about the cause.
            acquire_timeout: settings.acquire_timeout + GRACE,
            reachable: Arc::new(AtomicBool::new(true)),
            label,
        })
    }

    /// The most connections of one role in one process: those of the pool, the one that ends sessions, one
    /// outside the pool, and one more while an adapter starts or listens.
    #[must_use]
    pub fn max_connections(settings: &PostgresSettings) -> usize {
        settings.connections + BACKGROUND_CONNECTIONS + 3
    }

    /// Returns a handle for the serving thread `number`, counted from 0, which has its own connections.
    ///
    /// A connection wakes the thread that opened it, and waking another thread costs more than a short
    /// statement.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            shard: Some(number),
            ..self.clone()
        }
    }

    /// Runs `work` on a connection, in a separate task. A component is woken once per call and not once per
    /// packet.
    ///
    /// If the caller is dropped, the work is ended in PostgreSQL too, and what it changed is rolled back. It
    /// may have been committed by then. The deadline of the caller's request (see `adapter_contract::deadline`) bounds
    /// the work, too.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is no connection, [`Error::Timeout`] if `work` takes longer than
    /// the statement timeout allows, and the errors of `work`. After [`Error::Unavailable`],
    /// [`Error::Timeout`] and [`Error::TooLarge`] the connection is closed and not used again.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let pool = self.clone();
        // Dropped together with this future, which tells the task that nobody waits.
        let (_caller, gone) = oneshot::channel();
        let deadline = deadline::current();
        // In a box, because it is large and moves several times on its way into the task.
        let work = Box::pin(async move { pool.run_on_connection(work, gone, deadline).await });
        let task = tokio::spawn(work.in_current_scope());
        task.await.unwrap_or_else(|_| {
            Err(Error::Unavailable(
                "the task that ran the call did not finish".into(),
            ))
        })
    }

    async fn run_on_connection<T, F>(
        &self,
        work: F,
        mut gone: oneshot::Receiver<()>,
        deadline: Option<Instant>,
    ) -> Result<T, Error>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>,
    {
        let acquired = tokio::select! {
            acquired = self.acquire() => acquired,
            _ = &mut gone => return Err(Error::Timeout),
        };
        let mut connection = acquired?;
        let left = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            left.saturating_add(PATIENCE)
        });
        let limit = statement_timeout(self.statement_timeout, left);
        let longest = left.map_or(self.work_timeout, |left| left.min(self.work_timeout));
        let work = async {
            connection.limit_statements(limit).await?;
            work(&mut connection.connection).await
        };
        let result = tokio::select! {
            result = work => Some(result),
            () = tokio::time::sleep(longest) => None,
            () = outlived(gone) => None,
        };
        if result.is_none() {
            self.end_session(&connection).await;
        }
        let result = result.unwrap_or(Err(Error::Timeout));
        match &result {
            Err(Error::Unavailable(reason)) => {
                drop(Object::take(connection));
                // Closes the idle connections of all threads, which are most likely broken too.
                self.shards
                    .0
                    .iter()
                    .for_each(|shard| drop(shard.retain(|_, _| false)));
                self.log_unavailable(reason);
            }
            Err(Error::Timeout | Error::TooLarge(_)) => drop(Object::take(connection)),
            _ => self.log_available(),
        }
        result
    }

    async fn acquire(&self) -> Result<Object<Connections>, Error> {
        let shard = self.current_shard()?;
        // Limits the whole wait, because the pool may check several idle connections in turn.
        let start = Instant::now();
        let acquired = tokio::time::timeout(self.acquire_timeout, shard.get())
            .instrument(adapter_telemetry::recorded_span!(
                "connection",
                otel.name = "wait for a connection"
            ))
            .await;
        let acquired = acquired.unwrap_or(Err(PoolError::Timeout(TimeoutType::Create)));
        METRICS.waited(&self.label, start.elapsed(), acquired.is_ok());
        acquired.map_err(|error| self.not_connected(error))
    }

    /// Ends a session whose work is given up. The connection stays taken until then, so that others do not
    /// take the place of work that goes on.
    async fn end_session(&self, connected: &Connected) {
        let end = connections::end_session(&self.ending, connected.backend);
        let ended = tokio::time::timeout(self.acquire_timeout, end).await;
        let ended = ended.unwrap_or(Err(PoolError::Timeout(TimeoutType::Wait)));
        if let Err(error) = ended {
            let label = &self.label;
            tracing::warn!(
                "a statement of {label} could not be ended, and runs until PostgreSQL ends it: {error}"
            );
        }
    }

    /// Opens a connection outside the pool, without a statement timeout.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if PostgreSQL cannot be reached.
    pub async fn connect_without_timeout(&self) -> Result<PgConnection, Error> {
        let options = self.current_shard()?.manager().options.clone();
        let connection = options
            .options([("statement_timeout", "0")])
            .connect()
            .await;
        connection.map_err(|error| self.not_connected(PoolError::Backend(error)))
    }

    /// Closes the pool. Calls that have a connection finish. Later calls fail with
    /// [`Error::Unavailable`].
    pub fn close(&self) {
        self.shards.0.iter().for_each(managed::Pool::close);
        self.ending.close();
    }

    fn current_shard(&self) -> Result<&managed::Pool<Connections>, Error> {
        let threads = self.shards.0.len().saturating_sub(1).max(1);
        let own = self
            .shard
            .and_then(|number| self.shards.0.get(number % threads));
        let shard = own.or_else(|| self.shards.0.last());
        shard.ok_or_else(|| Error::Unavailable("the pool has no connections".into()))
    }

    fn not_connected(&self, error: PoolError<sqlx::Error>) -> Error {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Error::Unavailable(
                "all connections to PostgreSQL are in use; try again later".into(),
            ),
            PoolError::Backend(error) => {
                self.log_unavailable(&error);
                Error::Unavailable("PostgreSQL cannot be reached".into())
            }
            other => {
                self.log_unavailable(&other);
                Error::Unavailable("PostgreSQL cannot be reached".into())
            }
        }
    }

    /// Logs only the first failure: during an outage of PostgreSQL, every call fails here.
    fn log_unavailable(&self, reason: &dyn std::fmt::Display) {
        if self.reachable.swap(false, Ordering::Relaxed) {
            tracing::error!("{} is not available: {reason}", self.label);
        }
    }

    fn log_available(&self) {
        if !self.reachable.load(Ordering::Relaxed) && !self.reachable.swap(true, Ordering::Relaxed)
        {
            tracing::info!("{} is available again", self.label);
        }
    }
}

/// Returns the statement timeout of a session whose work may take as long as `left`. PostgreSQL then ends a statement
/// also if this process cannot.
///
/// To change it costs a round trip. So it is one of few values, up to twice as long as `left`: `longest`, half of it,
/// a quarter, and so on.
fn statement_timeout(longest: Duration, left: Option<Duration>) -> Duration {
    // 0 would stand for no limit.
    let left = left.map_or(longest, |left| left.max(PATIENCE));
    let mut limit = longest;
    while limit / 2 >= left {
        limit /= 2;
    }
    limit
}

/// Returns when work has outlived its caller.
async fn outlived(gone: oneshot::Receiver<()>) {
    // It is never sent to, so this waits until the other end is dropped.
    drop(gone.await);
    tokio::time::sleep(PATIENCE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_statement_timeouts_serve_all_deadlines() {
        let of = |left| statement_timeout(Duration::from_secs(5), left).as_millis();
        assert_eq!(of(None), 5_000);
        for (left, expected) in [
            (9_000, 5_000),
            (4_000, 5_000),
            (2_500, 2_500),
            (600, 625),
            (0, 156),
        ] {
            assert_eq!(of(Some(Duration::from_millis(left))), expected, "{left}");
        }
    }
}
