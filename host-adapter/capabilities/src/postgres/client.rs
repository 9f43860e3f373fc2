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

/// Most statements, and most messages, of one transaction: it holds locks while it lasts.
const MAX_PER_TRANSACTION: usize = 50;

/// Largest body of a message. Messages wait in a table, so they stay well below the 1 MiB of a call.
const MAX_MESSAGE: usize = 256 * 1024;

/// Longest idempotency key, as in `wit/postgres.wit`.
const MAX_KEY: usize = 200;

/// Hands a message over to the outbox, which `capabilities::outbox` created and empties.
const INSERT_MESSAGE: &str = "insert into outbox (id, peer, path, body, idempotency_key) \
     values ($1, $2, $3, $4, $5)";

/// One component's PostgreSQL.
#[derive(Debug, Clone)]
pub struct Postgres {
    component: Arc<str>,
    pool: Pool,
    limits: PostgresSettings,
    peers: Arc<[String]>,
    messages: Arc<Notify>,
}

impl Postgres {
    /// `pool` connects under the role of `component`; messages may go to `peers` only.
    #[must_use]
    pub fn new(component: &str, pool: Pool, limits: PostgresSettings, peers: &[String]) -> Self {
        Self {
            component: component.into(),
            pool,
            limits,
            peers: peers.into(),
            messages: Arc::default(),
        }
    }

    /// The same for the serving thread `number`, with connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            pool: self.pool.on_thread(number),
            ..self.clone()
        }
    }

    /// Woken whenever a transaction with messages was committed here; the outbox waits for it.
    #[must_use]
    pub fn messages(&self) -> Arc<Notify> {
        self.messages.clone()
    }

    /// The connections, for health and the outbox.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// One statement's rows.
    ///
    /// # Errors
    ///
    /// See `postgres.fetch` in `wit/postgres.wit`.
    pub async fn fetch(&self, sql: String, params: Vec<Value>) -> Result<ResultSet, Error> {
        statement::check(&sql)?;
        let limits = self.limits;
        self.pool
            .run(move |connection| {
                Box::pin(async move { Ok(run(connection, sql, &params, limits).await?.returned) })
            })
            .await
    }

    /// One statement's effect.
    ///
    /// # Errors
    ///
    /// See `postgres.execute` in `wit/postgres.wit`.
    pub async fn execute(&self, sql: String, params: Vec<Value>) -> Result<u64, Error> {
        statement::check(&sql)?;
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

    /// All statements and messages, or none.
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
                "a transaction has at most {limit} statements and messages"
            )));
        }
        statements
            .iter()
            .try_for_each(|statement| statement::check(&statement.sql))?;
        messages
            .iter()
            .try_for_each(|message| self.check_message(message))?;
        let limits = self.limits;
        let wake = (!messages.is_empty()).then(|| self.messages.clone());
        let outcomes = self
            .pool
            .run(move |connection| Box::pin(transaction(connection, statements, messages, limits)))
            .await?;
        if let Some(wake) = wake {
            wake.notify_one();
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
                "an idempotency key has 1 to {MAX_KEY} visible ASCII characters"
            )));
        }
        if message.body.len() > MAX_MESSAGE {
            return Err(Error::TooLarge(format!(
                "a message is at most {MAX_MESSAGE} bytes"
            )));
        }
        Ok(())
    }
}

async fn transaction(
    connection: &mut PgConnection,
    statements: Vec<Statement>,
    messages: Vec<Message>,
    limits: PostgresSettings,
) -> Result<Vec<Outcome>, Error> {
    let mut transaction = connection.begin().await?;
    let outcomes = match in_transaction(&mut transaction, statements, messages, limits).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            // Explicitly, so that the connection goes back without an open transaction.
            transaction.rollback().await?;
            return Err(error);
        }
    };
    transaction.commit().await?;
    Ok(outcomes)
}

async fn in_transaction(
    connection: &mut PgConnection,
    statements: Vec<Statement>,
    messages: Vec<Message>,
    limits: PostgresSettings,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(statements.len());
    for (index, statement) in (0_u32..).zip(statements) {
        let outcome = run(connection, statement.sql, &statement.params, limits).await?;
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

async fn run(
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
