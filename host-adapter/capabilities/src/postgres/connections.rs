//! Opens connections, checks them before use, and ends the session of one that is given up.

use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};

use super::PostgresSettings;

/// A connection that was idle for longer is checked before use. A shorter time costs round trips under
/// light load. A longer time lets the first calls after a restart of PostgreSQL fail.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// A connection is replaced at this age, so that the memory that PostgreSQL keeps per session (plans,
/// catalogue caches) does not grow without limit.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// The check of an idle connection. A statement can change its session, because `set_config` and
/// `pg_advisory_lock` are functions. This costs as much as a ping.
const RESET: &str = "reset all; select pg_advisory_unlock_all()";

/// Ends a session. A role may end those of its own.
const END: &str = "select pg_terminate_backend($1)";

/// Connections of one role.
pub(super) struct Connections {
    pub(super) options: PgConnectOptions,
    /// The one of the options.
    statement_timeout: Duration,
}

/// A connection, and the process that serves it.
pub(super) struct Connected {
    pub(super) connection: PgConnection,
    pub(super) backend: i32,
    /// The session's statement timeout, as it was set last.
    statement_timeout: Duration,
}

impl Connected {
    /// Sets the session's statement timeout, if it is another one.
    pub(super) async fn limit_statements(&mut self, timeout: Duration) -> Result<(), sqlx::Error> {
        if self.statement_timeout != timeout {
            let set = format!("set statement_timeout = {}", timeout.as_millis());
            self.connection.execute(AssertSqlSafe(set)).await?;
            self.statement_timeout = timeout;
        }
        Ok(())
    }
}

impl managed::Manager for Connections {
    type Type = Connected;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connected, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let backend = sqlx::query_scalar("select pg_backend_pid()");
        let backend = backend.fetch_one(&mut connection).await?;
        Ok(Connected {
            connection,
            backend,
            statement_timeout: self.statement_timeout,
        })
    }

    async fn recycle(
        &self,
        connected: &mut Connected,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message(
                "the connection has reached its maximum age",
            ));
        }
        if metrics.last_used() > CHECK_AFTER_IDLE {
            connected.connection.execute(RESET).await?;
            connected.statement_timeout = self.statement_timeout;
        }
        Ok(())
    }
}

/// A pool of at most `size` connections.
pub(super) fn pool(
    options: &PgConnectOptions,
    settings: &PostgresSettings,
    size: usize,
) -> Result<managed::Pool<Connections>, managed::BuildError> {
    let connections = Connections {
        options: options.clone(),
        statement_timeout: settings.statement_timeout,
    };
    managed::Pool::builder(connections)
        .max_size(size)
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(settings.acquire_timeout))
        .create_timeout(Some(settings.acquire_timeout))
        .recycle_timeout(Some(settings.acquire_timeout))
        .build()
}

/// Ends the session that `backend` serves, and with it its statement, transaction and locks.
///
/// Closing the connection is not enough: PostgreSQL notices that only when it sends the result.
pub(super) async fn end_session(
    pool: &managed::Pool<Connections>,
    backend: i32,
) -> Result<(), PoolError<sqlx::Error>> {
    let mut connected = pool.get().await?;
    let end = sqlx::query(END).bind(backend);
    if let Err(error) = end.execute(&mut connected.connection).await {
        drop(Object::take(connected));
        return Err(error.into());
    }
    Ok(())
}
