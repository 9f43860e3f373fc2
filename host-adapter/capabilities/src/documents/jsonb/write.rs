//! Statements that store and remove documents. They lock rows in the order of `_id`, so concurrent
//! statements cannot deadlock.

use std::collections::HashMap;

use sqlx::{Connection as _, Executor as _, PgConnection};

use super::super::{Collection, Document, Error, Filter, InsertOneOutcome, InsertOutcome};
use super::{
    Jsonb, condition, read,
    statement::{Parameter, Statement},
};
use crate::postgres;

/// Size in bytes above which an insert starts another statement. A thousand large documents in one
/// statement would be in memory several times, here and in PostgreSQL.
const MAX_STATEMENT: usize = 4 * 1024 * 1024;

/// How long an `insert-one` waits for another insert of the same `_id`. Most end within milliseconds.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '1s'";

/// The SQLSTATE of a statement that waited for longer.
const LOCK_NOT_AVAILABLE: &str = "55P03";

impl Jsonb {
    pub(in crate::documents) async fn insert(
        &self,
        collection: &Collection,
        documents: &[&Document],
    ) -> Result<Vec<InsertOutcome>, Error> {
        let mut outcomes = vec![InsertOutcome::Duplicate; documents.len()];
        let mut positions = HashMap::new();
        let mut batch = Batch::default();
        for (position, document) in documents.iter().enumerate() {
            // Of two documents with the same `_id` in one statement, PostgreSQL might store the second.
            if positions.contains_key(document.id()) {
                continue;
            }
            positions.insert(document.id(), position);
            batch.add(document);
            if batch.bytes > MAX_STATEMENT {
                store(
                    self,
                    collection,
                    std::mem::take(&mut batch),
                    &positions,
                    &mut outcomes,
                )
                .await?;
            }
        }
        store(self, collection, batch, &positions, &mut outcomes).await?;
        Ok(outcomes)
    }

    /// A lock of the whole table, which some changes of a schema take, counts as another insert.
    pub(in crate::documents) async fn insert_one(
        &self,
        collection: &Collection,
        document: Document,
    ) -> Result<InsertOneOutcome, Error> {
        let mut batch = Batch::default();
        batch.add(&document);
        let statement = insert_statement(self, collection, batch);
        let inserted = self
            .pool
            .run(move |connection| Box::pin(insert_unless_locked(connection, statement)));
        Ok(inserted.await?)
    }

    pub(in crate::documents) async fn remove(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        let mut statement = Statement::default();
        statement
            .text("delete from ")
            .table(collection)
            .text(" where id in (select t.id from ")
            .table(collection);
        statement.text(" t");
        condition::append_where(&mut statement, filter);
        statement.text(" order by t.id for update)");
        let removed = self.pool.run(move |connection| {
            Box::pin(async move {
                Ok(statement
                    .into_query()
                    .execute(connection)
                    .await?
                    .rows_affected())
            })
        });
        Ok(removed.await?)
    }
}

#[derive(Default)]
struct Batch {
    ids: Vec<String>,
    bodies: Vec<String>,
    /// The field of each document that gets its position; empty if it has none.
    fields: Vec<String>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, document: &Document) {
        let body = document.value().to_json();
        self.bytes += body.len();
        self.ids.push(document.id().to_owned());
        self.bodies.push(body);
        let field = document.position().unwrap_or_default();
        self.fields.push(field.to_owned());
    }
}

async fn store(
    store: &Jsonb,
    collection: &Collection,
    batch: Batch,
    positions: &HashMap<&str, usize>,
    outcomes: &mut [InsertOutcome],
) -> Result<(), Error> {
    if batch.ids.is_empty() {
        return Ok(());
    }
    for id in insert_new(store, collection, batch).await? {
        if let Some(outcome) = positions
            .get(&*id)
            .and_then(|position| outcomes.get_mut(*position))
        {
            *outcome = InsertOutcome::Inserted;
        }
    }
    Ok(())
}

/// Stores the documents that do not exist yet and returns their ids.
async fn insert_new(
    store: &Jsonb,
    collection: &Collection,
    batch: Batch,
) -> Result<Vec<String>, Error> {
    let statement = insert_statement(store, collection, batch);
    read::fetch_ids(&store.pool, statement).await
}

async fn insert_unless_locked(
    connection: &mut PgConnection,
    statement: Statement,
) -> Result<InsertOneOutcome, postgres::Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute(LOCK_TIMEOUT).await?;
    let query = statement.into_query();
    match query.fetch_optional(&mut *transaction).await {
        Ok(row) => {
            transaction.commit().await?;
            Ok(row.map_or(InsertOneOutcome::Duplicate, |_| InsertOneOutcome::Inserted))
        }
        Err(sqlx::Error::Database(error))
            if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) =>
        {
            transaction.rollback().await?;
            Ok(InsertOneOutcome::InProgress)
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores the documents that do not exist yet and returns their ids.
fn insert_statement(store: &Jsonb, collection: &Collection, batch: Batch) -> Statement {
    let mut statement = Statement::default();
    statement.text("insert into ").table(collection);
    statement.text(" (id, body) select id, ");
    if batch.fields.iter().any(|field| !field.is_empty()) {
        statement.text(
            "case field when '' then body::jsonb else body::jsonb || jsonb_build_object(field, ",
        );
        store.positions.append_next(&mut statement);
        statement.text(") end");
    } else {
        statement.text("body::jsonb");
    }
    for (link, texts) in [
        (" from unnest(", batch.ids),
        ("::text[], ", batch.bodies),
        ("::text[], ", batch.fields),
    ] {
        statement.text(link).parameter(Parameter::Texts(texts));
    }
    statement.text("::text[]) as given (id, body, field) order by id collate \"C\" on conflict do nothing returning id");
    statement
}
