//! The objects of one schema, as PostgreSQL's catalogue has them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

/// Returns the objects of a schema.
const OBJECTS: &str = include_str!("snapshot.sql");

/// Objects that are compared. A service has tens.
const MAX_OBJECTS: usize = 10_000;

/// Kind and name of an object.
pub(super) type Object = (String, String);

/// The definition of each object of a schema.
pub(super) type Snapshot = BTreeMap<Object, String>;

/// Reads the objects of `schema`. It becomes the only schema in the search path until the transaction
/// ends, so that definitions do not name it.
pub(super) async fn read(connection: &mut PgConnection, schema: &str) -> anyhow::Result<Snapshot> {
    enter(connection, schema).await?;
    let rows = sqlx::query(OBJECTS)
        .bind(schema)
        .fetch_all(connection)
        .await;
    let rows = rows.context("reading the catalogue")?;
    anyhow::ensure!(
        rows.len() <= MAX_OBJECTS,
        "it has more than {MAX_OBJECTS} tables, columns, indexes and other objects"
    );
    let mut objects = Snapshot::new();
    for row in rows {
        objects.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
    }
    Ok(objects)
}

/// Puts `schema` alone into the search path until the transaction ends.
pub(super) async fn enter(connection: &mut PgConnection, schema: &str) -> anyhow::Result<()> {
    let name = crate::database::quoted(schema);
    let statement = format!("set local search_path = {name}");
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}
