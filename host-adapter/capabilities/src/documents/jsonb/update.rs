//! Updates: read documents under a lock, change them in the adapter and write them back.
//!
//! MongoDB's rules (missing objects along a path, integer overflow, sums of doubles) are a page of tested
//! Rust. In SQL each update would be an expression of nested `jsonb_set`. The cost is four round trips
//! instead of one.

use std::sync::Arc;

use sqlx::{Connection as _, PgConnection, Row as _};

use super::super::{Collection, Error, Filter, Update, apply};
use super::{
    Jsonb, condition,
    positions::Positions,
    read,
    statement::{Parameter, Statement},
};
use crate::postgres::{self, Pool};

/// Number of ids that one query looks up: at most 2.5 MB of ids.
const PAGE: u32 = 10_000;

/// Number of documents that are locked, held in memory and written at once: at most 32 MiB.
const BATCH: usize = 32;

impl Jsonb {
    pub(in crate::documents) async fn update(
        &self,
        collection: &Collection,
        filter: &Filter,
        update: Update,
    ) -> Result<u64, Error> {
        let update = Arc::new(update);
        let (mut matched, mut after) = (0, String::new());
        loop {
            let ids = find_matching(&self.pool, collection, filter, after).await?;
            for batch in ids.chunks(BATCH) {
                matched += change_batch(self, collection, filter, &update, batch.to_vec()).await?;
            }
            match ids.last() {
                Some(last) if ids.len() == PAGE as usize => after = last.clone(),
                _ => return Ok(matched),
            }
        }
    }
}

/// Returns the next page of matching ids, in the order of `_id`. A document that still matches after the
/// update is therefore not updated twice.
async fn find_matching(
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
    condition::append_and(&mut statement, filter);
    statement
        .text(" order by t.id limit ")
        .parameter(Parameter::Number(PAGE.into()));
    read::fetch_ids(pool, statement).await
}

/// Atomically changes the documents of `ids` that still match, and returns how many matched.
async fn change_batch(
    store: &Jsonb,
    collection: &Collection,
    filter: &Filter,
    update: &Arc<Update>,
    ids: Vec<String>,
) -> Result<u64, Error> {
    let select = select_locked(collection, filter, ids);
    let (collection, update) = (collection.clone(), update.clone());
    let positions = store.positions.clone();
    let changed = store.pool.run(move |connection| {
        Box::pin(async move {
            let mut transaction = connection.begin().await?;
            let write = |ids, bodies| {
                write_statement(&collection, ids, bodies, update.position(), &positions)
            };
            let changed = read_and_write(&mut transaction, select, &update, write).await;
            // Without an explicit end the locks would last until the connection's next use.
            match &changed {
                Ok(Ok(_)) => transaction.commit().await?,
                _ => transaction.rollback().await?,
            }
            changed
        })
    });
    changed.await?
}

/// Locks in the order of `_id`, as inserts and removals do, to avoid deadlocks.
fn select_locked(collection: &Collection, filter: &Filter, ids: Vec<String>) -> Statement {
    let mut statement = Statement::default();
    statement
        .text("select t.id, t.body::text from ")
        .table(collection)
        .text(" t where t.id = any(");
    statement.parameter(Parameter::Texts(ids)).text(")");
    condition::append_and(&mut statement, filter);
    statement.text(" order by t.id for update");
    statement
}

/// The outer error comes from PostgreSQL, the inner one from the update.
async fn read_and_write(
    connection: &mut PgConnection,
    select: Statement,
    update: &Update,
    write: impl FnOnce(Vec<String>, Vec<String>) -> Statement,
) -> Result<Result<u64, Error>, postgres::Error> {
    let rows = select.into_query().fetch_all(&mut *connection).await?;
    let (mut ids, mut bodies) = (Vec::new(), Vec::new());
    for row in &rows {
        match apply::apply_to_text(row.try_get(1)?, update) {
            Ok(None) => {}
            Ok(Some(body)) => {
                ids.push(row.try_get(0)?);
                bodies.push(body);
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    if !ids.is_empty() {
        write(ids, bodies).into_query().execute(connection).await?;
    }
    Ok(Ok(rows.len().try_into().unwrap_or(u64::MAX)))
}

fn write_statement(
    collection: &Collection,
    ids: Vec<String>,
    bodies: Vec<String>,
    position: Option<&str>,
    positions: &Positions,
) -> Statement {
    let mut statement = Statement::default();
    statement
        .text("update ")
        .table(collection)
        .text(" t set body = given.body::jsonb");
    if let Some(field) = position {
        statement
            .text(" || jsonb_build_object(")
            .parameter(Parameter::Text(field.to_owned()))
            .text("::text, ");
        positions.append_next(&mut statement);
        statement.text(")");
    }
    statement
        .text(" from unnest(")
        .parameter(Parameter::Texts(ids))
        .text("::text[], ")
        .parameter(Parameter::Texts(bodies));
    statement.text("::text[]) as given (id, body) where t.id = given.id");
    statement
}
