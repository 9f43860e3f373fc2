//! The tables of collections.

use sqlx::{Connection as _, PgConnection, Row as _};

use super::super::{Collection, Error};
use super::{ddl, statement::Statement};
use crate::postgres::{self, Definitions, Pool};

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
    for collection in &collections {
        if !exists(&mut transaction, collection).await? {
            create(&mut transaction, collection).await?;
        }
    }
    Ok(transaction.commit().await?)
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

/// Creates table and index. The caller's transaction ensures that a table always has its index.
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
