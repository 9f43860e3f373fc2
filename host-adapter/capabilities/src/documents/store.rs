//! Where documents are kept, and what either store does. Everything it is given has been checked.
//!
//! Each function means exactly what `wit/documents.wit` and this folder's documentation say. Its
//! future may be dropped at any time.

use super::{
    Collection, Document, Error, Filter, Index, IndexError, InsertOutcome, Jsonb, MongoDb, Path,
    Sort, Update,
};
use crate::health::Target;

/// The part of a result that is wanted, and what it may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many to leave out first.
    pub skip: u32,
    /// How many to return at most. Never 0.
    pub limit: u32,
    /// A result with more bytes of JSON text is [`Error::TooLarge`], found while reading it.
    pub max_bytes: usize,
}

/// A store of documents.
#[derive(Debug, Clone)]
pub enum Store {
    /// In tables of PostgreSQL.
    Jsonb(Jsonb),
    /// In MongoDB.
    MongoDb(MongoDb),
}

/// Calls a method of the store that there is.
macro_rules! delegate {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match $store {
            Store::Jsonb(store) => store.$method($($argument),*).await,
            Store::MongoDb(store) => store.$method($($argument),*).await,
        }
    };
}

impl Store {
    /// Where the documents are, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Jsonb(_) => "in PostgreSQL".to_owned(),
            Self::MongoDb(store) => format!("in MongoDB, {}", store.describe()),
        }
    }

    /// What to ask whether the store answers.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Jsonb(store) => Target::Postgres(store.pool().clone()),
            Self::MongoDb(store) => Target::MongoDb(store.clone()),
        }
    }

    /// The same store for the serving thread `number`, with connections of that thread where the
    /// store has them.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        match self {
            Self::Jsonb(store) => Self::Jsonb(store.on_thread(number)),
            Self::MongoDb(store) => Self::MongoDb(store.clone()),
        }
    }

    /// Closes the connections. Further calls are `unavailable`.
    pub async fn close(&self) {
        match self {
            Self::Jsonb(store) => store.pool().close(),
            Self::MongoDb(store) => store.close().await,
        }
    }

    /// Stores the documents that are not there yet and says of each, in the order given, whether it
    /// was stored. Of two documents with one `_id` the first is stored.
    pub(super) async fn insert(
        &self,
        collection: &Collection,
        documents: Vec<Document>,
    ) -> Result<Vec<InsertOutcome>, Error> {
        delegate!(self, insert(collection, documents))
    }

    /// Documents as relaxed Extended JSON, in the order of `sort`, then of `_id`.
    pub(super) async fn find(
        &self,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        bounds: Bounds,
    ) -> Result<Vec<String>, Error> {
        delegate!(self, find(collection, filter, sort, bounds))
    }

    /// How many documents match.
    pub(super) async fn count(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        delegate!(self, count(collection, filter))
    }

    /// Values of `field` as JSON text with their number, most frequent first, then in the order of
    /// an ascending sort.
    pub(super) async fn count_by(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
        bounds: Bounds,
    ) -> Result<Vec<(String, u64)>, Error> {
        delegate!(self, count_by(collection, field, filter, bounds))
    }

    /// How many different values other than null `field` has.
    pub(super) async fn count_distinct(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
    ) -> Result<u64, Error> {
        delegate!(self, count_distinct(collection, field, filter))
    }

    /// Changes matching documents one by one and says how many matched. A document that cannot be
    /// changed that way ends the call with [`Error::Invalid`].
    pub(super) async fn update(
        &self,
        collection: &Collection,
        filter: &Filter,
        update: Update,
    ) -> Result<u64, Error> {
        delegate!(self, update(collection, filter, update))
    }

    /// Removes matching documents and says how many there were.
    pub(super) async fn remove(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        delegate!(self, remove(collection, filter))
    }

    /// Creates an index and says whether it was missing. There is no time limit.
    ///
    /// # Errors
    ///
    /// See [`IndexError`]. After an error the index does not exist, unless it existed before.
    pub async fn create_index(&self, index: &Index) -> Result<bool, IndexError> {
        delegate!(self, create_index(index))
    }

    /// Removes an index. It is not an error if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and [`Error::Timeout`].
    pub async fn drop_index(&self, collection: &Collection, name: &str) -> Result<(), Error> {
        delegate!(self, drop_index(collection, name))
    }
}
