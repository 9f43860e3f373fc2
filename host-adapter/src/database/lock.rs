//! Locks among adapters that prepare the same database at the same time.
//!
//! Each is the lock of a table in the adapter's own schema, which components cannot reach. An advisory lock
//! would not do: every role may take any of them, so a component could keep adapters from starting.

use std::time::Duration;

use anyhow::Context as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};

use super::{SCHEMA, connect};

/// How often the table is created again after another adapter did so at the same moment.
const ATTEMPTS: usize = 5;

/// Pause between two attempts. The other adapter needs a few milliseconds to commit.
const PAUSE: Duration = Duration::from_millis(50);

/// What one of two sessions gets that create the same object: `duplicate_schema`, `duplicate_table`,
/// `unique_violation` of the catalogue, and `internal_error` for a row that was updated meanwhile.
const CREATED_MEANWHILE: [&str; 4] = ["42P06", "42P07", "23505", "XX000"];

/// What only one adapter may do at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// To create roles and schemas.
    Provision,
    /// To apply or revert migrations.
    Migrate,
}

/// A lock that is held until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock(PgConnection);

impl Work {
    fn table(self) -> String {
        let name = match self {
            Self::Provision => "provision",
            Self::Migrate => "migrate",
        };
        format!("{SCHEMA}.lock_{name}")
    }

    /// How long to wait for another adapter: roles take milliseconds, a migration may build an index for
    /// minutes.
    fn patience(self) -> &'static str {
        match self {
            Self::Provision => "10s",
            Self::Migrate => "10min",
        }
    }
}

impl Lock {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// Another adapter holds it for too long, or the administrator may not create the table.
    pub(super) async fn take(admin: &PgConnectOptions, work: Work) -> anyhow::Result<Self> {
        let mut connection = connect(admin, SCHEMA).await?;
        let table = work.table();
        create(&mut connection, &table)
            .await
            .with_context(|| format!("creating `{table}`"))?;
        let lock = format!(
            "set lock_timeout = '{}'; set idle_in_transaction_session_timeout = 0; \
             begin; lock table {table} in share row exclusive mode",
            work.patience()
        );
        let locked = connection.execute(AssertSqlSafe(lock)).await;
        locked.with_context(|| {
            format!("waiting for another adapter, which holds `{table}`; try again")
        })?;
        Ok(Self(connection))
    }

    /// Releases the lock, and returns when it is free.
    pub(super) async fn release(self) {
        // A connection that is broken holds nothing.
        let _ = self.0.close().await;
    }
}

/// Creates the table unless it exists. `if not exists` fails if two sessions do it at once.
async fn create(connection: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let create =
        format!("create schema if not exists {SCHEMA}; create table if not exists {table} ()");
    let mut attempt = 1;
    loop {
        let exists = sqlx::query_scalar("select to_regclass($1) is not null").bind(table);
        if exists.fetch_one(&mut *connection).await? {
            return Ok(());
        }
        match connection.execute(AssertSqlSafe(create.clone())).await {
            Ok(_) => return Ok(()),
            Err(error) if attempt < ATTEMPTS && was_created_meanwhile(&error) => {}
            Err(error) => return Err(error),
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

fn was_created_meanwhile(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| CREATED_MEANWHILE.contains(&&*code))
}
