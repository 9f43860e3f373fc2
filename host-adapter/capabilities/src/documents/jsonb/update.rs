//! Updates: read, changed here, and written back under a lock on each document.
//!
//! Here and not in SQL, because MongoDB's rules (objects created on the way, integers that overflow,
//! doubles that add up as doubles) are a page of Rust with tests, and would be one expression of
//! nested `jsonb_set` per update. The price is four round trips instead of one.

use std::sync::Arc;

use sqlx::{Connection as _, PgConnection, Row as _};

use super::super::{Collection, Error, Filter, Update, apply};
use super::{
    condition, read,
    statement::{Parameter, Statement},
};
use crate::postgres::{self, Pool};

/// Documents of which the ids are looked up at once: at most 2.5 MB of them.
const PAGE: u32 = 10_000;

/// Documents that are locked, held in memory and written at once: at most 32 MiB of them.
const BATCH: usize = 32;

pub(super) async fn update(
    pool: &Pool,
    collection: &Collection,
    filter: &Filter,
    update: Update,
) -> Result<u64, Error> {
    let update = Arc::new(update);
    let (mut matched, mut after) = (0, String::new());
    loop {
        let ids = matching(pool, collection, filter, after).await?;
        for batch in ids.chunks(BATCH) {
            matched += change(pool, collection, filter, &update, batch.to_vec()).await?;
        }
        match ids.last() {
            Some(last) if ids.len() == PAGE as usize => after = last.clone(),
            _ => return Ok(matched),
        }
    }
}

/// In the order of `_id`: an update that makes documents match anew meets none of them twice.
async fn matching(
    pool: &Pool,
    collection: &Collection,
    filter: &Filter,
    after: String,
) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement
        .text("select t.id from ")
        .table(collection)
        .text(" t where t.id > ");
    statement.parameter(Parameter::Text(after));
    condition::append_further(&mut statement, filter);
    statement
        .text(" order by t.id limit ")
        .parameter(Parameter::Number(PAGE.into()));
    read::ids(pool, statement).await
}

/// Changes those of `ids` that still match, all or none, and says how many.
async fn change(
    pool: &Pool,
    collection: &Collection,
    filter: &Filter,
    update: &Arc<Update>,
    ids: Vec<String>,
) -> Result<u64, Error> {
    let select = select_locked(collection, filter, ids);
    let (collection, update) = (collection.clone(), update.clone());
    pool.run(move |connection| {
        Box::pin(async move {
            let mut transaction = connection.begin().await?;
            let changed = read_and_write(&mut transaction, select, &collection, &update).await;
            // Explicitly, so that the locks do not last until the connection's next use.
            match &changed {
                Ok(Ok(_)) => transaction.commit().await?,
                _ => transaction.rollback().await?,
            }
            changed
        })
    })
    .await?
}

/// Takes the locks in the order of `_id`, as inserts and removals do.
fn select_locked(collection: &Collection, filter: &Filter, ids: Vec<String>) -> Statement {
    let mut statement = Statement::default();
    statement
        .text("select t.id, t.body::text from ")
        .table(collection)
        .text(" t where t.id = any(");
    statement.parameter(Parameter::Texts(ids)).text(")");
    condition::append_further(&mut statement, filter);
    statement.text(" order by t.id for update");
    statement
}

/// The outer error is PostgreSQL's, the inner one the update's.
async fn read_and_write(
    connection: &mut PgConnection,
    select: Statement,
    collection: &Collection,
    update: &Update,
) -> Result<Result<u64, Error>, postgres::Error> {
    let rows = select.query().fetch_all(&mut *connection).await?;
    let (mut ids, mut bodies) = (Vec::new(), Vec::new());
    for row in &rows {
        match apply::changed(row.try_get(1)?, update) {
            Ok(None) => {}
            Ok(Some(body)) => {
                ids.push(row.try_get(0)?);
                bodies.push(body);
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    if !ids.is_empty() {
        write(collection, ids, bodies)
            .query()
            .execute(connection)
            .await?;
    }
    Ok(Ok(rows.len().try_into().unwrap_or(u64::MAX)))
}

fn write(collection: &Collection, ids: Vec<String>, bodies: Vec<String>) -> Statement {
    let mut statement = Statement::default();
    statement
        .text("update ")
        .table(collection)
        .text(" t set body = given.body::jsonb from unnest(");
    statement
        .parameter(Parameter::Texts(ids))
        .text("::text[], ")
        .parameter(Parameter::Texts(bodies));
    statement.text("::text[]) as given (id, body) where t.id = given.id");
    statement
}
