//! Connections to one database under one role, shared by all calls.
//!
//! sqlx's driver in deadpool's pool, and not in sqlx's own: that one asks the server after every
//! use whether the connection still lives, in a task of its own, which doubles the round trips of a
//! single-statement call. Here a connection is asked only after it has idled, and whatever looked
//! broken is thrown away at once, together with its idle neighbours.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{
    self, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{Error, PostgresSettings};

/// After this much idling a connection is asked before it is used. Shorter costs round trips under
/// light load, longer makes the first requests after a restart of PostgreSQL fail.
const ASK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// A connection is replaced at this age, so that memory which PostgreSQL keeps per session (plans,
/// catalogue caches) cannot grow for ever.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How much longer than PostgreSQL's own `statement_timeout` the adapter waits for an answer before
/// it gives up: so long PostgreSQL has to say itself that it cancelled the statement.
const GRACE: Duration = Duration::from_millis(500);

/// Connections for work outside the serving threads: the outbox. There is little of it.
const BACKGROUND_CONNECTIONS: usize = 2;

/// A cloneable handle to the connections.
#[derive(Clone)]
pub struct Pool {
    /// One per serving thread, and the last for all others.
    shards: Arc<[managed::Pool<Connections>]>,
    /// The shard of this handle; none is the last one.
    shard: Option<usize>,
    limit: Duration,
    patience: Duration,
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
            return Err(RecycleError::message("it has reached its age"));
        }
        if metrics.last_used() > ASK_AFTER_IDLE {
            connection.ping().await?;
        }
        Ok(())
    }
}

impl Pool {
    /// A pool that opens its first connection when it is first used.
    ///
    /// The serving `threads` share the connections out among themselves. `label` names the pool in the
    /// log, such as `postgres of user`.
    ///
    /// # Errors
    ///
    /// Only when the pool itself cannot be built, which is a mistake in this program.
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
        Ok(Self {
            shards,
            shard: None,
            limit: settings.statement_timeout + GRACE,
            // The pool's own limits say more of what it was that took so long.
            patience: settings.acquire_timeout + GRACE,
            reachable: Arc::new(AtomicBool::new(true)),
            label: label.into(),
        })
    }

    /// The same pool for the serving thread `number` (from 0), which has connections of its own: a
    /// connection wakes the thread that opened it, and waking another thread costs more than a short
    /// statement.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            shard: Some(number),
            ..self.clone()
        }
    }

    /// Does `work` on a connection, in a task of its own: the caller may go away without leaving a
    /// connection half-way, and a component is woken once per call instead of once per packet.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] without a connection, [`Error::Timeout`] when `work` takes longer than
    /// the statement timeout allows, else what `work` returns. The connection is used again only
    /// after an answer that leaves it in order.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let pool = self.clone();
        let task = tokio::spawn(async move { pool.run_here(work).await });
        task.await
            .unwrap_or_else(|_| Err(Error::Unavailable("the call was given up".into())))
    }

    async fn run_here<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>,
    {
        let shard = self.shard()?;
        // Around the whole, since the pool asks one idle connection after the other.
        let mut connection = match tokio::time::timeout(self.patience, shard.get()).await {
            Ok(connection) => connection.map_err(|error| self.not_connected(error))?,
            Err(_) => return Err(self.not_connected(PoolError::Timeout(TimeoutType::Create))),
        };
        let result = tokio::time::timeout(self.limit, work(&mut connection))
            .await
            .unwrap_or(Err(Error::Timeout));
        match &result {
            Err(Error::Unavailable(reason)) => {
                drop(Object::take(connection));
                // Of all threads: what closed this connection has most likely closed theirs too.
                self.shards
                    .iter()
                    .for_each(|shard| drop(shard.retain(|_, _| false)));
                self.note_down(reason);
            }
            Err(Error::Timeout | Error::TooLarge(_)) => drop(Object::take(connection)),
            _ => self.note_up(),
        }
        result
    }

    /// A connection of the caller's own, on which a statement may take as long as it takes.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] without one.
    pub async fn connect_apart(&self) -> Result<PgConnection, Error> {
        let options = self.shard()?.manager().options.clone();
        let connection = options
            .options([("statement_timeout", "0")])
            .connect()
            .await;
        connection.map_err(|error| self.not_connected(PoolError::Backend(error)))
    }

    /// Closes the connections; calls under way finish, further ones are `unavailable`.
    pub fn close(&self) {
        self.shards.iter().for_each(managed::Pool::close);
    }

    fn shard(&self) -> Result<&managed::Pool<Connections>, Error> {
        let threads = self.shards.len().saturating_sub(1).max(1);
        let own = self
            .shard
            .and_then(|number| self.shards.get(number % threads));
        let shard = own.or_else(|| self.shards.last());
        shard.ok_or_else(|| Error::Unavailable("the pool has no connections".into()))
    }

    fn not_connected(&self, error: PoolError<sqlx::Error>) -> Error {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => {
                Error::Unavailable("all connections to PostgreSQL are in use".into())
            }
            PoolError::Backend(error) => {
                self.note_down(&error);
                Error::Unavailable("PostgreSQL cannot be reached".into())
            }
            other => {
                self.note_down(&other);
                Error::Unavailable("PostgreSQL cannot be reached".into())
            }
        }
    }

    /// Logs the change only: while PostgreSQL is away every request fails here.
    fn note_down(&self, reason: &dyn std::fmt::Display) {
        if self.reachable.swap(false, Ordering::Relaxed) {
            tracing::error!("{} is not available: {reason}", self.label);
        }
    }

    fn note_up(&self) {
        if !self.reachable.load(Ordering::Relaxed) && !self.reachable.swap(true, Ordering::Relaxed)
        {
            tracing::info!("{} is available again", self.label);
        }
    }
}
