//! Runs the applied migrations again, in a schema that is never committed.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::snapshot::{self, Snapshot};
use crate::database::{
    self,
    migrations::{Migrations, State, Status},
};
use adapter_capabilities::outbox;

/// Limits of the transaction, so that it never waits for the application's locks, or works for long.
const LIMITS: &str = "set local lock_timeout = '1s'; set local statement_timeout = '5s'";

/// The live schema of a service, and the one that its applied migrations make. `None` if none is
/// applied.
///
/// `messages` is whether the adapter adds the table of the outbox.
pub(super) async fn schemas(
    migrations: &Migrations<'_>,
    messages: bool,
) -> anyhow::Result<Option<(Snapshot, Snapshot)>> {
    let status = migrations.status().await?;
    anyhow::ensure!(
        status.iter().all(|one| one.state != State::Missing),
        "there is no file of an applied migration"
    );
    let applied: Vec<Status> = status
        .into_iter()
        .filter(|one| one.state != State::Pending)
        .collect();
    if applied.is_empty() {
        return Ok(None);
    }
    let schema = format!("spindle_doctor_{}", hex::encode(rand::random::<[u8; 8]>()));
    // The search path of the connection is that schema, too. So the rest of a migration that ends the
    // transaction does not run in the live schema.
    let mut connection = database::connect(migrations.admin, &schema).await?;
    let mut transaction = connection.begin().await?;
    let schemas = async {
        transaction.execute(LIMITS).await?;
        let live = snapshot::read(&mut transaction, migrations.service).await?;
        let made = make(&mut transaction, &schema, migrations, &applied, messages).await?;
        Ok(Some((live, made)))
    };
    let schemas = schemas.await;
    transaction.rollback().await?;
    schemas
}

/// Makes `schema` in the transaction of `connection`.
async fn make(
    connection: &mut PgConnection,
    schema: &str,
    migrations: &Migrations<'_>,
    applied: &[Status],
    messages: bool,
) -> anyhow::Result<Snapshot> {
    connection
        .execute(AssertSqlSafe(format!("create schema {schema}")))
        .await?;
    snapshot::enter(connection, schema).await?;
    if messages {
        connection.execute(outbox::SCHEMA).await?;
    }
    let transaction = current(connection).await?;
    for (version, sql) in migrations.up_statements().await? {
        if applied.iter().all(|one| one.version != version) {
            continue;
        }
        let run = connection
            .execute(AssertSqlSafe(without_concurrently(&sql)))
            .await;
        run.with_context(|| format!("migration {version:04} does not run again"))?;
        if current(connection).await? != transaction {
            let drop = format!("drop schema if exists {schema} cascade");
            connection.execute(AssertSqlSafe(drop)).await?;
            anyhow::bail!("migration {version:04} ends the transaction that it runs in");
        }
    }
    snapshot::read(connection, schema).await
}

/// The id of the current transaction.
async fn current(connection: &mut PgConnection) -> anyhow::Result<String> {
    let id = sqlx::query_scalar("select pg_current_xact_id()::text");
    Ok(id.fetch_one(connection).await?)
}

/// `create index concurrently` cannot run in a transaction, and makes the same index as without.
fn without_concurrently(sql: &str) -> String {
    let words = sql.split_inclusive(char::is_whitespace);
    let kept = words.filter(|word| !word.trim_end().eq_ignore_ascii_case("concurrently"));
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::without_concurrently;

    #[test]
    fn an_index_is_created_in_the_transaction() {
        assert_eq!(
            without_concurrently("create index Concurrently\n  i on t (a);"),
            "create index   i on t (a);"
        );
        assert_eq!(without_concurrently("select 1"), "select 1");
    }
}
