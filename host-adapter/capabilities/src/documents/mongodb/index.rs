//! Indexes, by `createIndexes` and `dropIndexes`.

use mongodb::{
    IndexModel,
    bson::{Document, RawDocumentBuf, doc},
    error::{Error as DriverError, ErrorKind},
    options::IndexOptions,
};

use super::super::{Collection, Error, Index, IndexError};
use super::{connection::Connection, errors, filter};

/// `NamespaceNotFound` and `IndexNotFound`: there is nothing to drop.
const NOT_THERE: [i32; 2] = [26, 27];

/// `IndexOptionsConflict` and `IndexKeySpecsConflict`.
const DIFFERENT: [i32; 2] = [85, 86];

/// Makes an index, and says whether it was not there yet.
pub(super) async fn create(connection: &Connection, index: &Index) -> Result<bool, IndexError> {
    let keys = keys(index);
    match existing(connection, index).await? {
        Some(same) if same == (keys.clone(), index.is_unique()) => return Ok(false),
        Some(_) => return Err(index.different()),
        None => {}
    }
    let options = IndexOptions::builder()
        .name(index.name().to_owned())
        .unique(index.is_unique())
        .build();
    let model = IndexModel::builder().keys(keys).options(options).build();
    match collection(connection, index.collection())
        .create_index(model)
        .await
    {
        Ok(_) => Ok(true),
        Err(error) if code(&error) == Some(errors::DUPLICATE_KEY) => Err(index.duplicates()),
        Err(error) if code(&error).is_some_and(|code| DIFFERENT.contains(&code)) => {
            Err(index.different())
        }
        Err(error) => Err(index.failed(errors::from_driver(&error))),
    }
}

/// Takes an index away; nothing happens where there is none.
pub(super) async fn drop(
    connection: &Connection,
    collection: &Collection,
    name: &str,
) -> Result<(), Error> {
    match self::collection(connection, collection)
        .drop_index(name)
        .await
    {
        Err(error) if !code(&error).is_some_and(|code| NOT_THERE.contains(&code)) => {
            Err(errors::from_driver(&error))
        }
        _ => Ok(()),
    }
}

/// Keys and uniqueness of the index that has this one's name.
async fn existing(
    connection: &Connection,
    index: &Index,
) -> Result<Option<(Document, bool)>, IndexError> {
    let found = find(&collection(connection, index.collection()), index.name()).await;
    match found {
        // There is no collection yet, and so no index.
        Err(error) if code(&error).is_some_and(|code| NOT_THERE.contains(&code)) => Ok(None),
        Err(error) => Err(index.failed(errors::from_driver(&error))),
        Ok(found) => Ok(found),
    }
}

async fn find(
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
    connection.administered().collection(collection.as_str())
}

fn keys(index: &Index) -> Document {
    let mut keys = doc! {};
    for (path, direction) in index.fields() {
        keys.insert(path.to_string(), filter::sign(*direction));
    }
    keys
}

fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(mongodb::error::WriteFailure::WriteError(error)) => Some(error.code),
        _ => None,
    }
}
