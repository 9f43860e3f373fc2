//! Runs a component's statements.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, Statement as _,
};
use tokio::sync::Notify;

use crate::denied::denied;

use super::{
    Error, Message, Outcome, Pool, PostgresSettings, ResultSet, Statement, Value, parameters, rows,
    statement,
};

/// The most statements, and the most messages, of one transaction. A transaction holds locks until it
/// ends.
const MAX_PER_TRANSACTION: usize = 50;

/// Largest body of a message in bytes. Messages are stored in a table, so the limit is below the 1 MiB of
/// a call.
const MAX_MESSAGE: usize = 256 * 1024;

/// Longest idempotency key in bytes, as in `wit/postgres.wit`.
const MAX_KEY: usize = 200;

/// Stores a message in the table of `crate::outbox`.
const INSERT_MESSAGE: &str = "insert into outbox (id, peer, path, body, idempotency_key) \
     values ($1, $2, $3, $4, $5)";

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
        let limits = self.limits;
        self.pool
            .run(move |connection| {
                Box::pin(async move {
                    Ok(run_statement(connection, sql, &params, limits)
                        .await?
                        .returned)
                })
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
        self.pool
            .run(move |connection| {
                Box::pin(async move {
                    let statement = connection
                        .prepare(AssertSqlSafe(sql).into_sql_str())
                        .await?;
                    let arguments = parameters::encode(&statement, &params)?;
                    Ok(connection
                        .execute(statement.query_with(arguments))
                        .await?
                        .rows_affected())
                })
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
        let limits = self.limits;
        let signal = (!messages.is_empty()).then(|| self.message_signal.clone());
        let outcomes = self
            .pool
            .run(move |connection| {
                Box::pin(run_transaction(connection, statements, messages, limits))
            })
            .await?;
        if let Some(signal) = signal {
            signal.notify_one();
        }
        Ok(outcomes)
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
        let key = &message.idempotency_key;
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Error::Invalid(format!(
                "an idempotency key must have 1 to {MAX_KEY} visible ASCII characters"
            )));
        }
        if message.body.len() > MAX_MESSAGE {
            return Err(Error::TooLarge(format!(
                "the body of a message can have at most {MAX_MESSAGE} bytes"
            )));
        }
        Ok(())
    }
}

async fn run_transaction(
    connection: &mut PgConnection,
    statements: Vec<Statement>,
    messages: Vec<Message>,
    limits: PostgresSettings,
) -> Result<Vec<Outcome>, Error> {
    let mut transaction = connection.begin().await?;
    let outcomes = match run_statements(&mut transaction, statements, messages, limits).await {
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

async fn run_statements(
    connection: &mut PgConnection,
    statements: Vec<Statement>,
    messages: Vec<Message>,
    limits: PostgresSettings,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(statements.len());
    for (index, statement) in (0_u32..).zip(statements) {
        let outcome = run_statement(connection, statement.sql, &statement.params, limits).await?;
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
        sqlx::query(INSERT_MESSAGE)
            .bind(uuid::Uuid::now_v7())
            .bind(message.peer)
            .bind(message.path)
            .bind(message.body)
            .bind(message.idempotency_key)
            .execute(&mut *connection)
            .await?;
    }
    Ok(outcomes)
}

async fn run_statement(
    connection: &mut PgConnection,
    sql: String,
    params: &[Value],
    limits: PostgresSettings,
) -> Result<Outcome, Error> {
    let statement = connection
        .prepare(AssertSqlSafe(sql).into_sql_str())
        .await?;
    let arguments = parameters::encode(&statement, params)?;
    rows::collect(
        connection.fetch_many(statement.query_with(arguments)),
        limits,
    )
    .await
}
