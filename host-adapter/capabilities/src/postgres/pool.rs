//! Connections to one database with one role, shared by all calls.
//!
//! The driver is sqlx's, but the pool is deadpool's. sqlx's pool pings the server after every use, in a
//! separate task, which doubles the round trips of a call with one statement. This pool pings a
//! connection only after it was idle. A connection that appears broken is closed at once, together with
//! all idle connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool::managed::{
    self, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tracing::Instrument as _;

use super::{Error, PostgresSettings};
use crate::metrics::{METRICS, Observed, PoolState, register_pool};

/// A connection that was idle for longer is pinged before use. A shorter time costs round trips under
/// light load. A longer time lets the first calls after a restart of PostgreSQL fail.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// A connection is replaced at this age, so that the memory that PostgreSQL keeps per session (plans,
/// catalogue caches) does not grow without limit.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How much longer than `statement_timeout` the adapter waits for an answer. PostgreSQL has this time to
/// report that it cancelled the statement.
const GRACE: Duration = Duration::from_millis(500);

/// Connections for background work outside the serving threads, such as the outbox.
const BACKGROUND_CONNECTIONS: usize = 2;

/// A cloneable handle to the connections.
#[derive(Clone)]
pub struct Pool {
    /// One shard per serving thread. The last shard serves all other threads.
    shards: Arc<Shards>,
    /// The index of this handle's shard. `None` means the last one.
    shard: Option<usize>,
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

struct Connections {
    options: PgConnectOptions,
}

impl managed::Manager for Connections {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.options).await
    }

    async fn recycle(
        &self,
        connection: &mut PgConnection,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message(
                "the connection has reached its maximum age",
            ));
        }
        if metrics.last_used() > PING_AFTER_IDLE {
            connection.ping().await?;
        }
        Ok(())
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
        let options = options.options([("statement_timeout", timeout.as_str())]);
        let threads = threads.clamp(1, settings.connections);
        let each = settings.connections / threads;
        let last = BACKGROUND_CONNECTIONS.min(settings.connections);
        let sizes = std::iter::repeat_n(each, threads).chain([last]);
        let shards = sizes
            .map(|size| {
                managed::Pool::builder(Connections {
                    options: options.clone(),
                })
                .max_size(size)
                .runtime(deadpool::Runtime::Tokio1)
                .wait_timeout(Some(settings.acquire_timeout))
                .create_timeout(Some(settings.acquire_timeout))
                .recycle_timeout(Some(settings.acquire_timeout))
                .build()
            })
            .collect::<Result<_, _>>()?;
        let shards = Arc::new(Shards(shards));
        let label: Arc<str> = label.into();
        let observed: Arc<dyn Observed> = shards.clone();
        register_pool(label.clone(), Arc::downgrade(&observed));
        Ok(Self {
            shards,
            shard: None,
            work_timeout: settings.statement_timeout + GRACE,
            // Longer than the pool's own timeouts, whose errors say more about the cause.
            acquire_timeout: settings.acquire_timeout + GRACE,
            reachable: Arc::new(AtomicBool::new(true)),
            label,
        })
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

    /// Runs `work` on a connection, in a separate task.
    ///
    /// The caller may be dropped without interrupting the work on the connection. A component is woken
    /// once per call and not once per packet.
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
        let work = async move { pool.run_on_connection(work).await };
        let task = tokio::spawn(work.in_current_span());
        task.await.unwrap_or_else(|_| {
            Err(Error::Unavailable(
                "the task that ran the call did not finish".into(),
            ))
        })
    }

    async fn run_on_connection<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>,
    {
        let shard = self.current_shard()?;
        // Limits the whole wait, because the pool may ping several idle connections in turn.
        let start = Instant::now();
        let acquired = tokio::time::timeout(self.acquire_timeout, shard.get())
            .instrument(tracing::debug_span!(
                "connection",
                otel.name = "wait for a connection"
            ))
            .await;
        let acquired = acquired.unwrap_or(Err(PoolError::Timeout(TimeoutType::Create)));
        METRICS.waited(&self.label, start.elapsed(), acquired.is_ok());
        let mut connection = acquired.map_err(|error| self.not_connected(error))?;
        let result = tokio::time::timeout(self.work_timeout, work(&mut connection))
            .await
            .unwrap_or(Err(Error::Timeout));
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
