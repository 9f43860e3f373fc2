//! What stores, changes and removes documents.

use std::collections::HashSet;

use mongodb::{
    bson::{Bson, Document as Command, RawDocumentBuf, doc},
    error::{Error as DriverError, ErrorKind},
};

use super::super::{Collection, Document, Error, Filter, InsertOutcome, Update, Value, apply};
use super::{bson, connection::Connection, errors::DUPLICATE_KEY, filter};

/// One command's share of an insert, in bytes: each has the time limit of one call, and is held in
/// memory once more for sending.
const MAX_COMMAND: usize = 4 * 1024 * 1024;

/// Documents that are read, held in memory and changed at once: at most 32 MiB of them.
const BATCH: i64 = 32;

/// Not ordered: each document stands for itself, so that a duplicate keeps none from being stored.
pub(super) async fn insert(
    connection: &Connection,
    collection: &Collection,
    documents: Vec<Document>,
) -> Result<Vec<InsertOutcome>, Error> {
    let mut outcomes = vec![InsertOutcome::Duplicate; documents.len()];
    let mut seen = HashSet::new();
    let mut batch = Batch::default();
    for (position, document) in documents.iter().enumerate() {
        // The first of two is stored; a server need not keep to the order.
        if !seen.insert(document.id()) {
            continue;
        }
        batch.add(position, document)?;
        if batch.bytes > MAX_COMMAND {
            store(
                connection,
                collection,
                std::mem::take(&mut batch),
                &mut outcomes,
            )
            .await?;
        }
    }
    store(connection, collection, batch, &mut outcomes).await?;
    Ok(outcomes)
}

/// Looked at here, changed there.
///
/// Each batch is read first, and what the update would make of its documents is worked out by the
/// rules that both stores share: they know limits that MongoDB does not (a document's size, a sum's),
/// and an update that is refused must change nothing. Then MongoDB changes each document atomically,
/// if it still matches.
pub(super) async fn update(
    connection: &Connection,
    collection: &Collection,
    filter: &Filter,
    update: Update,
) -> Result<u64, Error> {
    let (filter, command) = (filter::filter(filter), filter::update(&update));
    let (mut matched, mut after) = (0, None);
    loop {
        let page = matching(connection, collection, &filter, after).await?;
        for (_, text) in &page {
            apply::changed(text, &update)?;
        }
        let ids: Vec<Bson> = page.into_iter().map(|(id, _)| id).collect();
        let complete = i64::try_from(ids.len()) == Ok(BATCH);
        after = ids.last().cloned();
        if !ids.is_empty() {
            matched += change(connection, collection, &filter, &command, ids).await?;
        }
        if !complete {
            return Ok(matched);
        }
    }
}

pub(super) async fn remove(
    connection: &Connection,
    collection: &Collection,
    filter: &Filter,
) -> Result<u64, Error> {
    let (name, filter) = (collection.as_str().to_owned(), filter::filter(filter));
    connection
        .run(move |database| async move {
            let collection = database.collection::<RawDocumentBuf>(&name);
            Ok(collection.delete_many(filter).await?.deleted_count)
        })
        .await
}

#[derive(Default)]
struct Batch {
    positions: Vec<usize>,
    documents: Vec<RawDocumentBuf>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, position: usize, document: &Document) -> Result<(), Error> {
        // A document is always an object.
        if let Value::Object(fields) = document.value() {
            let document = bson::document(fields)?;
            self.bytes += document.as_bytes().len();
            self.positions.push(position);
            self.documents.push(document);
        }
        Ok(())
    }
}

async fn store(
    connection: &Connection,
    collection: &Collection,
    batch: Batch,
    outcomes: &mut [InsertOutcome],
) -> Result<(), Error> {
    if batch.documents.is_empty() {
        return Ok(());
    }
    let (name, documents) = (collection.as_str().to_owned(), batch.documents);
    let duplicates = connection
        .run(move |database| async move {
            let collection = database.collection::<RawDocumentBuf>(&name);
            match collection.insert_many(documents).ordered(false).await {
                Ok(_) => Ok(HashSet::new()),
                Err(error) => duplicates(error),
            }
        })
        .await?;
    for (index, position) in batch.positions.into_iter().enumerate() {
        if let Some(outcome) = outcomes.get_mut(position)
            && !duplicates.contains(&index)
        {
            *outcome = InsertOutcome::Inserted;
        }
    }
    Ok(())
}

/// Which of the documents were there already, if nothing else was wrong.
fn duplicates(error: DriverError) -> Result<HashSet<usize>, DriverError> {
    let ErrorKind::InsertMany(failure) = error.kind.as_ref() else {
        return Err(error);
    };
    let refused = failure.write_errors.as_deref().unwrap_or_default();
    let only = refused.iter().all(|error| error.code == DUPLICATE_KEY);
    if !only || failure.write_concern_error.is_some() {
        return Err(error);
    }
    Ok(refused.iter().map(|error| error.index).collect())
}

/// In the order of `_id`: an update that makes documents match anew meets none of them twice.
async fn matching(
    connection: &Connection,
    collection: &Collection,
    filter: &Command,
    after: Option<Bson>,
) -> Result<Vec<(Bson, String)>, Error> {
    let (name, time) = (collection.as_str().to_owned(), connection.max_time());
    let filter = match after {
        Some(id) => doc! { "$and": [filter.clone(), { "_id": { "$gt": id } }] },
        None => filter.clone(),
    };
    connection
        .run(move |database| async move {
            let collection = database.collection::<RawDocumentBuf>(&name);
            let query = collection.find(filter).sort(doc! { "_id": 1 }).limit(BATCH);
            let mut cursor = query.max_time(time).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                let document = cursor.current();
                let id = document.get("_id")?.map(Bson::try_from).transpose()?;
                found.push((id.unwrap_or(Bson::Null), bson::document_text(document)));
            }
            Ok(found)
        })
        .await
}

/// Changes those of `ids` that still match, and says how many.
async fn change(
    connection: &Connection,
    collection: &Collection,
    filter: &Command,
    update: &Command,
    ids: Vec<Bson>,
) -> Result<u64, Error> {
    let name = collection.as_str().to_owned();
    let filter = doc! { "$and": [filter.clone(), { "_id": { "$in": ids } }] };
    let update = update.clone();
    connection
        .run(move |database| async move {
            let collection = database.collection::<RawDocumentBuf>(&name);
            Ok(collection.update_many(filter, update).await?.matched_count)
        })
        .await
}
