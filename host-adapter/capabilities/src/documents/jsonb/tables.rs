//! The tables of collections.

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use super::super::{Collection, Error};
use super::{ddl, index, statement::Statement};
use crate::postgres::{self, Definitions, Pool};

/// Names the general index of the collection $1, if it has one.
const GENERAL_INDEX: &str = "select i.relname::text from pg_catalog.pg_index x \
    join pg_catalog.pg_class t on t.oid = x.indrelid \
    join pg_catalog.pg_class i on i.oid = x.indexrelid \
    join pg_catalog.pg_am a on a.oid = i.relam \
    where t.relnamespace = current_schema()::regnamespace and t.relname = $1 and a.amname = 'gin'";

/// How long the removal of a general index waits for others that use the table, in an adapter that
/// starts. The next start tries again.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '1s'";

const EXISTS: &str = "select exists (select from pg_catalog.pg_tables \
    where schemaname = current_schema() and tablename = $1)";

pub(super) async fn ensure(pool: &Pool, collections: &[Collection]) -> Result<(), Error> {
    let collections = collections.to_vec();
    Ok(pool
        .run(move |connection| Box::pin(create_missing(connection, collections)))
        .await?)
}

async fn create_missing(
    connection: &mut PgConnection,
    collections: Vec<Collection>,
) -> Result<(), postgres::Error> {
    let mut transaction = connection.begin().await?;
    Definitions::Tables.lock(&mut transaction).await?;
    ddl::create_functions(&mut transaction).await?;
    ddl::create_positions(&mut transaction).await?;
    for collection in &collections {
        if !exists(&mut transaction, collection).await? {
            create(&mut transaction, collection).await?;
        }
    }
    transaction.commit().await?;
    // An earlier version kept it together with declared indexes.
    if let Err(error) = drop_unused(connection).await {
        tracing::warn!("a general index of documents could not be removed: {error}");
    }
    Ok(())
}

/// Drops the general indexes of the collections that have a declared one.
async fn drop_unused(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for declared in index::read_declared(connection).await? {
        let mut transaction = connection.begin().await?;
        transaction.execute(LOCK_TIMEOUT).await?;
        Definitions::Indexes.lock(&mut transaction).await?;
        drop_general_index(&mut transaction, declared.collection()).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Drops the general index of a collection, if it exists. The caller must hold the lock of [`Definitions::Indexes`].
pub(super) async fn drop_general_index(
    connection: &mut PgConnection,
    collection: &Collection,
) -> Result<(), sqlx::Error> {
    let name = sqlx::query(GENERAL_INDEX).bind(collection.as_str());
    let Some(row) = name.fetch_optional(&mut *connection).await? else {
        return Ok(());
    };
    let mut statement = Statement::default();
    statement.text("drop index ").identifier(row.try_get(0)?);
    statement.into_query().execute(connection).await?;
    Ok(())
}

async fn exists(
    connection: &mut PgConnection,
    collection: &Collection,
) -> Result<bool, sqlx::Error> {
    sqlx::query(EXISTS)
        .bind(collection.as_str())
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// Creates the table and its general index, which serves equality of any field until an index is declared.
/// The caller's transaction ensures that a table always has its index.
async fn create(connection: &mut PgConnection, collection: &Collection) -> Result<(), sqlx::Error> {
    let mut table = Statement::default();
    table.text("create table ").table(collection);
    table.text(" (id text collate \"C\" primary key, body jsonb not null)");
    table.into_query().execute(&mut *connection).await?;
    // Every read scans the list of pending index entries, which takes milliseconds at PostgreSQL's
    // default limit of 4 MB. PostgreSQL names the index, because the longest table name leaves no room
    // for a suffix.
    let mut index = Statement::default();
    index.text("create index on ").table(collection);
    index.text(" using gin (body jsonb_path_ops) with (gin_pending_list_limit = 256)");
    index.into_query().execute(connection).await?;
    Ok(())
}
