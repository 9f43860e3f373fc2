//! Runs a component's statements.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, Statement as _,
    postgres::{PgArguments, PgStatement},
};
use tokio::sync::Notify;

use adapter_telemetry::traces;

use crate::denied::denied;

use super::{
    Error, Message, Outcome, Pool, PostgresSettings, ResultSet, Statement, Value,
    observed::Observed, parameters, rows, statement,
};

/// The most statements, and the most messages, of one transaction. A transaction holds locks until it
/// ends.
const MAX_PER_TRANSACTION: usize = 50;

/// Largest body of a message in bytes. Messages are stored in a table, so the limit is below the 1 MiB of
/// a call.
const MAX_MESSAGE: usize = 256 * 1024;

/// Longest idempotency key and ordering key in bytes, as in `wit/postgres.wit`.
const MAX_KEY: usize = 200;

/// Stores a message in the table of `crate::outbox`.
const INSERT_MESSAGE: &str = "insert into outbox (id, peer, path, body, idempotency_key, traceparent, key) \
     values ($1, $2, $3, $4, $5, $6, $7)";

/// The PostgreSQL schema of one component.
#[derive(Debug, Clone)]
pub struct Postgres {
    component: Arc<str>,
    pool: Pool,
    limits: PostgresSettings,
    peers: Arc<[String]>,
    message_signal: Arc<Notify>,
}

impl Postgres {
    /// `pool` connects with the role of `component`. Messages may go only to `peers`.
    #[must_use]
    pub fn new(component: &str, pool: Pool, limits: PostgresSettings, peers: &[String]) -> Self {
        Self {
            component: component.into(),
            pool,
            limits,
            peers: peers.into(),
            message_signal: Arc::default(),
        }
    }

    /// Returns a handle for the serving thread `number`, which uses the connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            pool: self.pool.on_thread(number),
            ..self.clone()
        }
    }

    /// The signal that a transaction with messages was committed. The relay of the outbox waits for it.
    #[must_use]
    pub fn message_signal(&self) -> Arc<Notify> {
        self.message_signal.clone()
    }

    /// The component's name.
    #[must_use]
    pub fn component(&self) -> &Arc<str> {
        &self.component
    }

    /// The connections, for health checks and the outbox.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Runs one statement and returns its rows.
    ///
    /// # Errors
    ///
    /// See `postgres.fetch` in `wit/postgres.wit`.
    pub async fn fetch(&self, sql: String, params: Vec<Value>) -> Result<ResultSet, Error> {
        statement::check_statement(&sql)?;
        let runner = self.runner();
        self.pool
            .run(move |connection| {
                Box::pin(async move { Ok(runner.run(connection, sql, &params).await?.returned) })
            })
            .await
    }

    /// Runs one statement and returns how many rows it affected.
    ///
    /// # Errors
    ///
    /// See `postgres.execute` in `wit/postgres.wit`.
    pub async fn execute(&self, sql: String, params: Vec<Value>) -> Result<u64, Error> {
        statement::check_statement(&sql)?;
        let runner = self.runner();
        self.pool
            .run(move |connection| {
                Box::pin(async move { runner.execute(connection, sql, &params).await })
            })
            .await
    }

    /// Runs all statements and stores all messages in one transaction.
    ///
    /// # Errors
    ///
    /// See `postgres.transact` in `wit/postgres.wit`.
    pub async fn transact(
        &self,
        statements: Vec<Statement>,
        messages: Vec<Message>,
    ) -> Result<Vec<Outcome>, Error> {
        if statements.len() > MAX_PER_TRANSACTION || messages.len() > MAX_PER_TRANSACTION {
            let limit = MAX_PER_TRANSACTION;
            return Err(Error::TooLarge(format!(
                "a transaction can have at most {limit} statements and {limit} messages"
            )));
        }
        statements
            .iter()
            .try_for_each(|statement| statement::check_statement(&statement.sql))?;
        messages
            .iter()
            .try_for_each(|message| self.check_message(message))?;
        let runner = self.runner();
        let signal = (!messages.is_empty()).then(|| self.message_signal.clone());
        let outcomes = self
            .pool
            .run(move |connection| {
                Box::pin(runner.run_transaction(connection, statements, messages))
            })
            .await?;
        if let Some(signal) = signal {
            signal.notify_one();
        }
        Ok(outcomes)
    }

    fn runner(&self) -> Runner {
        Runner {
            component: self.component.clone(),
            limits: self.limits,
        }
    }

    fn check_message(&self, message: &Message) -> Result<(), Error> {
        if !self.peers.contains(&message.peer) {
            let denied = denied(&self.component, &format!("peer `{}`", message.peer));
            return Err(Error::Denied(denied.to_string()));
        }
        if !message.path.starts_with('/') {
            return Err(Error::Invalid(format!(
                "path `{}` does not begin with `/`",
                message.path
            )));
        }
        let ordering = message.key.iter().map(|key| ("a key", key));
        for (name, key) in ordering.chain([("an idempotency key", &message.idempotency_key)]) {
            let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
            if key.is_empty() || key.len() > MAX_KEY || !visible {
                return Err(Error::Invalid(format!(
                    "{name} must have 1 to {MAX_KEY} visible ASCII characters"
                )));
            }
        }
        if message.body.len() > MAX_MESSAGE {
            return Err(Error::TooLarge(format!(
                "the body of a message can have at most {MAX_MESSAGE} bytes"
            )));
        }
        Ok(())
    }
}

/// Runs statements on a connection.
struct Runner {
    component: Arc<str>,
    limits: PostgresSettings,
}

impl Runner {
    async fn run_transaction(
        self,
        connection: &mut PgConnection,
        statements: Vec<Statement>,
        messages: Vec<Message>,
    ) -> Result<Vec<Outcome>, Error> {
        let mut transaction = connection.begin().await?;
        let outcomes = match self.run_all(&mut transaction, statements, messages).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // Rolls back now, so that the connection returns to the pool without an open transaction.
                transaction.rollback().await?;
                return Err(error);
            }
        };
        transaction.commit().await?;
        Ok(outcomes)
    }

    async fn run_all(
        &self,
        connection: &mut PgConnection,
        statements: Vec<Statement>,
        messages: Vec<Message>,
    ) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::with_capacity(statements.len());
        for (index, statement) in (0_u32..).zip(statements) {
            let outcome = self
                .run(connection, statement.sql, &statement.params)
                .await?;
            let affected = outcome.affected;
            if statement
                .expected_rows
                .is_some_and(|expected| expected != affected)
            {
                return Err(Error::UnexpectedRows {
                    statement: index,
                    affected,
                });
            }
            outcomes.push(outcome);
        }
        for message in messages {
            store_message(connection, message).await?;
        }
        Ok(outcomes)
    }

    async fn run(
        &self,
        connection: &mut PgConnection,
        sql: String,
        params: &[Value],
    ) -> Result<Outcome, Error> {
        let observed = Observed::begin(&self.component, &sql);
        let run = async {
            let (statement, arguments) = prepare(connection, sql, params).await?;
            let rows = connection.fetch_many(statement.query_with(arguments));
            rows::collect(rows, self.limits).await
        };
        observed.run(run).await
    }

    async fn execute(
        &self,
        connection: &mut PgConnection,
        sql: String,
        params: &[Value],
    ) -> Result<u64, Error> {
        let observed = Observed::begin(&self.component, &sql);
        let run = async {
            let (statement, arguments) = prepare(connection, sql, params).await?;
            let done = connection.execute(statement.query_with(arguments)).await?;
            Ok(done.rows_affected())
        };
        observed.run(run).await
    }
}

/// Prepares a statement, and encodes `params` as its parameters' types.
async fn prepare(
    connection: &mut PgConnection,
    sql: String,
    params: &[Value],
) -> Result<(PgStatement, PgArguments), Error> {
    let statement = connection
        .prepare(AssertSqlSafe(sql).into_sql_str())
        .await?;
    let arguments = parameters::encode(&statement, params)?;
    Ok((statement, arguments))
}

/// Stores a message with the position in the trace of the request that sends it.
async fn store_message(connection: &mut PgConnection, message: Message) -> Result<(), Error> {
    let cause = traces::current().map(|position| position.to_string());
    sqlx::query(INSERT_MESSAGE)
        .bind(uuid::Uuid::now_v7())
        .bind(message.peer)
        .bind(message.path)
        .bind(message.body)
        .bind(message.idempotency_key)
        .bind(cause)
        .bind(message.key)
        .execute(connection)
        .await?;
    Ok(())
}
