//! Creates and removes indexes.

use mongodb::{
    IndexModel,
    bson::{Document, RawDocumentBuf, doc},
    error::{Error as DriverError, ErrorKind},
    options::IndexOptions,
};

use super::super::{Collection, Error, Index, IndexError};
use super::{MongoDb, connection::Connection, errors, filter};

/// `NamespaceNotFound` and `IndexNotFound`: the collection or index does not exist.
const NOT_FOUND: [i32; 2] = [26, 27];

/// `IndexOptionsConflict` and `IndexKeySpecsConflict`.
const CONFLICT: [i32; 2] = [85, 86];

impl MongoDb {
    /// Creates an index and returns whether it was missing.
    pub(in crate::documents) async fn create_index(
        &self,
        index: &Index,
    ) -> Result<bool, IndexError> {
        let keys = keys(index);
        match find_existing(&self.connection, index).await? {
            Some(same) if same == (keys.clone(), index.is_unique()) => return Ok(false),
            Some(_) => return Err(index.conflict_error()),
            None => {}
        }
        let options = IndexOptions::builder()
            .name(index.name().to_owned())
            .unique(index.is_unique())
            .build();
        let model = IndexModel::builder().keys(keys).options(options).build();
        match collection(&self.connection, index.collection())
            .create_index(model)
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error_code(&error) == Some(errors::DUPLICATE_KEY) => {
                Err(index.duplicates_error())
            }
            Err(error) if error_code(&error).is_some_and(|code| CONFLICT.contains(&code)) => {
                Err(index.conflict_error())
            }
            Err(error) => Err(index.store_error(errors::from_driver(&error))),
        }
    }

    /// Removes an index if it exists.
    pub(in crate::documents) async fn drop_index(
        &self,
        collection: &Collection,
        name: &str,
    ) -> Result<(), Error> {
        match self::collection(&self.connection, collection)
            .drop_index(name)
            .await
        {
            Err(error) if !error_code(&error).is_some_and(|code| NOT_FOUND.contains(&code)) => {
                Err(errors::from_driver(&error))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the keys and uniqueness of the existing index with the same name.
async fn find_existing(
    connection: &Connection,
    index: &Index,
) -> Result<Option<(Document, bool)>, IndexError> {
    let found = find_by_name(&collection(connection, index.collection()), index.name()).await;
    match found {
        // The collection does not exist yet.
        Err(error) if error_code(&error).is_some_and(|code| NOT_FOUND.contains(&code)) => Ok(None),
        Err(error) => Err(index.store_error(errors::from_driver(&error))),
        Ok(found) => Ok(found),
    }
}

async fn find_by_name(
    collection: &mongodb::Collection<RawDocumentBuf>,
    name: &str,
) -> Result<Option<(Document, bool)>, DriverError> {
    let mut indexes = collection.list_indexes().await?;
    while indexes.advance().await? {
        let model = indexes.deserialize_current()?;
        let options = model.options.unwrap_or_default();
        if options.name.as_deref() == Some(name) {
            return Ok(Some((model.keys, options.unique.unwrap_or(false))));
        }
    }
    Ok(None)
}

fn collection(
    connection: &Connection,
    collection: &Collection,
) -> mongodb::Collection<RawDocumentBuf> {
    connection.admin_database().collection(collection.as_str())
}

fn keys(index: &Index) -> Document {
    let mut keys = doc! {};
    for (path, direction) in index.fields() {
        keys.insert(path.to_string(), filter::sign(*direction));
    }
    keys
}

fn error_code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(mongodb::error::WriteFailure::WriteError(error)) => Some(error.code),
        _ => None,
    }
}
