//! Creates and removes indexes.

use mongodb::{
    IndexModel,
    bson::{Bson, Document, RawDocumentBuf, doc},
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
            Err(error) if !is_not_found(&error) => Err(errors::from_driver(&error)),
            _ => Ok(()),
        }
    }

    /// Returns the indexes of a collection that an [`Index`] can describe.
    pub(in crate::documents) async fn indexes(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Index>, Error> {
        match models(&self::collection(&self.connection, collection)).await {
            Err(error) if is_not_found(&error) => Ok(Vec::new()),
            Err(error) => Err(errors::from_driver(&error)),
            Ok(models) => Ok(models
                .into_iter()
                .filter_map(|model| describe(collection, model))
                .collect()),
        }
    }
}

async fn models(
    collection: &mongodb::Collection<RawDocumentBuf>,
) -> Result<Vec<IndexModel>, DriverError> {
    let mut indexes = collection.list_indexes().await?;
    let mut models = Vec::new();
    while indexes.advance().await? {
        models.push(indexes.deserialize_current()?);
    }
    Ok(models)
}

fn describe(collection: &Collection, model: IndexModel) -> Option<Index> {
    let options = model.options.unwrap_or_default();
    let field = |(path, direction): (&String, &Bson)| match number(direction)? {
        1 => Some(path.clone()),
        -1 => Some(format!("-{path}")),
        _ => None,
    };
    let fields: Option<Vec<String>> = model.keys.iter().map(field).collect();
    let unique = options.unique.unwrap_or(false);
    Index::new(collection.as_str(), &options.name?, &fields?, unique).ok()
}

/// Returns a direction, which shells store as a double.
fn number(direction: &Bson) -> Option<i64> {
    match direction {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) if number.abs() == 1.0 => Some(if *number > 0.0 { 1 } else { -1 }),
        _ => None,
    }
}

fn is_not_found(error: &DriverError) -> bool {
    error_code(error).is_some_and(|code| NOT_FOUND.contains(&code))
}

/// Returns the keys and uniqueness of the existing index with the same name.
async fn find_existing(
    connection: &Connection,
    index: &Index,
) -> Result<Option<(Document, bool)>, IndexError> {
    let found = find_by_name(&collection(connection, index.collection()), index.name()).await;
    match found {
        // The collection does not exist yet.
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(index.store_error(errors::from_driver(&error))),
        Ok(found) => Ok(found),
    }
}

async fn find_by_name(
    collection: &mongodb::Collection<RawDocumentBuf>,
    name: &str,
) -> Result<Option<(Document, bool)>, DriverError> {
    let named = models(collection).await?.into_iter().find_map(|model| {
        let options = model.options.unwrap_or_default();
        let unique = options.unique.unwrap_or(false);
        (options.name.as_deref() == Some(name)).then_some((model.keys, unique))
    });
    Ok(named)
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
