//! Commands that store, change and remove documents.

use std::collections::HashSet;

use mongodb::{
    bson::{Bson, Document as Command, RawBson, RawDocumentBuf, doc, raw::CString},
    error::{Error as DriverError, ErrorKind},
};

use super::super::{
    Collection, Document, Error, Filter, InsertOneOutcome, InsertOutcome, Update, Value, apply,
};
use super::{
    MongoDb, bson, connection::Connection, errors::DUPLICATE_KEY, filter, positions::Positions,
};

/// Size in bytes above which an insert starts another command. Each command has the timeout of one call,
/// and is copied in memory to be sent.
const MAX_COMMAND: usize = 4 * 1024 * 1024;

/// Number of documents that are read, held in memory and changed at once: at most 32 MiB.
const BATCH: i64 = 32;

impl MongoDb {
    /// Inserts without order, so that a duplicate does not stop the documents after it.
    pub(in crate::documents) async fn insert(
        &self,
        collection: &Collection,
        documents: &[&Document],
    ) -> Result<Vec<InsertOutcome>, Error> {
        if documents.iter().any(|one| one.position().is_some()) {
            self.positions.agree(&self.connection).await?;
        }
        let mut outcomes = vec![InsertOutcome::Duplicate; documents.len()];
        let mut seen = HashSet::new();
        let mut batch = Batch::default();
        for (position, document) in documents.iter().enumerate() {
            // The server may insert in any order, but of two with the same `_id`, the first must be stored.
            if !seen.insert(document.id()) {
                continue;
            }
            batch.add(position, document)?;
            if batch.bytes > MAX_COMMAND {
                store(self, collection, std::mem::take(&mut batch), &mut outcomes).await?;
            }
        }
        store(self, collection, batch, &mut outcomes).await?;
        Ok(outcomes)
    }

    /// In MongoDB, an insert ends before a later one of the same `_id` is looked at.
    pub(in crate::documents) async fn insert_one(
        &self,
        collection: &Collection,
        document: Document,
    ) -> Result<InsertOneOutcome, Error> {
        let outcomes = self.insert(collection, &[&document]).await?;
        Ok(match outcomes.first() {
            Some(InsertOutcome::Inserted) => InsertOneOutcome::Inserted,
            _ => InsertOneOutcome::Duplicate,
        })
    }

    /// Checks each batch in the adapter, then changes it in MongoDB.
    ///
    /// The adapter reads the batch and applies the update by the rules that both stores share. These have
    /// limits that MongoDB does not have, on the size of a document and on sums, and a document that exceeds
    /// one must not be changed. Then MongoDB atomically changes each document that still matches.
    pub(in crate::documents) async fn update(
        &self,
        collection: &Collection,
        filter: &Filter,
        update: Update,
    ) -> Result<u64, Error> {
        let (filter, command) = (
            filter::translate_filter(filter),
            filter::translate_update(&update),
        );
        if update.position().is_some() {
            self.positions.agree(&self.connection).await?;
        }
        let position = |clock: &Positions| Some((update.position()?.to_owned(), clock.clone()));
        let (mut matched, mut after) = (0, None);
        loop {
            let page = find_matching(&self.connection, collection, &filter, after).await?;
            for (_, text) in &page {
                apply::apply_to_text(text, &update)?;
            }
            let ids: Vec<Bson> = page.into_iter().map(|(id, _)| id).collect();
            let is_full = i64::try_from(ids.len()) == Ok(BATCH);
            after = ids.last().cloned();
            if !ids.is_empty() {
                let position = position(&self.positions);
                let change = (&filter, &command, position);
                matched += change_batch(&self.connection, collection, change, ids).await?;
            }
            if !is_full {
                return Ok(matched);
            }
        }
    }

    pub(in crate::documents) async fn remove(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        let (name, filter) = (
            collection.as_str().to_owned(),
            filter::translate_filter(filter),
        );
        self.connection
            .run(move |database| async move {
                let collection = database.collection::<RawDocumentBuf>(&name);
                Ok(collection.delete_many(filter).await?.deleted_count)
            })
            .await
    }
}

#[derive(Default)]
struct Batch {
    positions: Vec<usize>,
    documents: Vec<RawDocumentBuf>,
    /// The fields that get the position, with the indexes of their documents.
    fields: Vec<(usize, CString)>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, position: usize, document: &Document) -> Result<(), Error> {
        // A validated document is always an object.
        if let Value::Object(fields) = document.value() {
            let document_position = document.position().map(bson::name).transpose()?;
            let document = bson::document(fields)?;
            self.bytes += document.as_bytes().len();
            self.positions.push(position);
            if let Some(field) = document_position {
                self.fields.push((self.documents.len(), field));
            }
            self.documents.push(document);
        }
        Ok(())
    }
}

async fn store(
    store: &MongoDb,
    collection: &Collection,
    batch: Batch,
    outcomes: &mut [InsertOutcome],
) -> Result<(), Error> {
    if batch.documents.is_empty() {
        return Ok(());
    }
    let (name, mut documents) = (collection.as_str().to_owned(), batch.documents);
    let (fields, clock) = (batch.fields, store.positions.clone());
    let duplicates = store
        .connection
        .run(move |database| async move {
            // As late as possible: the settled position allows for the time from here on.
            let position = clock.next();
            for (index, field) in fields {
                if let Some(document) = documents.get_mut(index) {
                    document.append(field, RawBson::Int64(position));
                }
            }
            let collection = database.collection::<RawDocumentBuf>(&name);
            match collection.insert_many(documents).ordered(false).await {
                Ok(_) => Ok(HashSet::new()),
                Err(error) => duplicate_positions(error),
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

/// Returns the positions of the documents that exist already, or any other error.
fn duplicate_positions(error: DriverError) -> Result<HashSet<usize>, DriverError> {
    let ErrorKind::InsertMany(failure) = error.kind.as_ref() else {
        return Err(error);
    };
    let rejected = failure.write_errors.as_deref().unwrap_or_default();
    let only_duplicates = rejected.iter().all(|error| error.code == DUPLICATE_KEY);
    if !only_duplicates || failure.write_concern_error.is_some() {
        return Err(error);
    }
    Ok(rejected.iter().map(|error| error.index).collect())
}

/// Returns the next batch of matching documents, in the order of `_id`. A document that still matches
/// after the update is therefore not updated twice.
async fn find_matching(
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

/// Changes the documents of `ids` that still match, and returns how many matched.
async fn change_batch(
    connection: &Connection,
    collection: &Collection,
    (filter, update, position): (&Command, &Command, Option<(String, Positions)>),
    ids: Vec<Bson>,
) -> Result<u64, Error> {
    let name = collection.as_str().to_owned();
    let filter = doc! { "$and": [filter.clone(), { "_id": { "$in": ids } }] };
    let mut update = update.clone();
    connection
        .run(move |database| async move {
            if let Some((field, clock)) = position {
                update.insert("$set", doc! { field: clock.next() });
            }
            let collection = database.collection::<RawDocumentBuf>(&name);
            Ok(collection.update_many(filter, update).await?.matched_count)
        })
        .await
}
