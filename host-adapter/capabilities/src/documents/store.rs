//! The interface of both document stores. Callers pass validated arguments only.
//!
//! Both stores implement `wit/documents.wit` and the documentation of this folder exactly. The future of
//! a call may be dropped at any time.

use super::{
    Collection, Document, Error, Filter, Index, IndexError, InsertOneOutcome, InsertOutcome, Jsonb,
    MongoDb, Path, Sort, Update,
};
use crate::health::Target;

/// The requested part of a result, and its size limit.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many to skip first.
    pub skip: u32,
    /// Maximum number to return. Never 0.
    pub limit: u32,
    /// Maximum JSON text in bytes. Reading stops with [`Error::TooLarge`] above it.
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

/// Calls the method on the selected store.
macro_rules! delegate {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match $store {
            Store::Jsonb(store) => store.$method($($argument),*).await,
            Store::MongoDb(store) => store.$method($($argument),*).await,
        }
    };
}

impl Store {
    /// Describes where the documents are stored, for logs and terminals.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Jsonb(_) => "in PostgreSQL".to_owned(),
            Self::MongoDb(store) => format!("in MongoDB, {}", store.describe()),
        }
    }

    /// The store's name in metrics and traces, as OpenTelemetry has it.
    pub(super) fn system(&self) -> &'static str {
        match self {
            Self::Jsonb(_) => "postgresql",
            Self::MongoDb(_) => "mongodb",
        }
    }

    /// The target of health checks.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Jsonb(store) => Target::Postgres(store.pool().clone()),
            Self::MongoDb(store) => Target::MongoDb(store.clone()),
        }
    }

    /// Returns the store for the serving thread `number`. [`Jsonb`] has connections per thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        match self {
            Self::Jsonb(store) => Self::Jsonb(store.on_thread(number)),
            Self::MongoDb(store) => Self::MongoDb(store.clone()),
        }
    }

    /// Closes the connections. Further calls return [`Error::Unavailable`].
    pub async fn close(&self) {
        match self {
            Self::Jsonb(store) => store.pool().close(),
            Self::MongoDb(store) => store.close().await,
        }
    }

    /// Stores the documents that do not exist yet and returns for each, in the given order, whether it
    /// was stored. If several have the same `_id`, only the first is stored.
    pub(super) async fn insert(
        &self,
        collection: &Collection,
        documents: &[&Document],
    ) -> Result<Vec<InsertOutcome>, Error> {
        delegate!(self, insert(collection, documents))
    }

    /// Stores a document, and does not wait for long while another call stores one with the same `_id`.
    pub(super) async fn insert_one(
        &self,
        collection: &Collection,
        document: Document,
    ) -> Result<InsertOneOutcome, Error> {
        delegate!(self, insert_one(collection, document))
    }

    /// Returns documents as relaxed Extended JSON, ordered by `sort` and then by `_id`.
    pub(super) async fn find(
        &self,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        bounds: Bounds,
    ) -> Result<Vec<String>, Error> {
        delegate!(self, find(collection, filter, sort, bounds))
    }

    /// Counts the matching documents.
    pub(super) async fn count(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        delegate!(self, count(collection, filter))
    }

    /// Returns the values of `field` as JSON text with their counts, most frequent first. Ties are in
    /// ascending sort order.
    pub(super) async fn count_by(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
        bounds: Bounds,
    ) -> Result<Vec<(String, u64)>, Error> {
        delegate!(self, count_by(collection, field, filter, bounds))
    }

    /// Counts the different non-null values of `field`.
    pub(super) async fn count_distinct(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
    ) -> Result<u64, Error> {
        delegate!(self, count_distinct(collection, field, filter))
    }

    /// Changes matching documents one by one and returns how many matched. Stops with
    /// [`Error::Invalid`] at a document that the update cannot be applied to.
    pub(super) async fn update(
        &self,
        collection: &Collection,
        filter: &Filter,
        update: Update,
    ) -> Result<u64, Error> {
        delegate!(self, update(collection, filter, update))
    }

    /// Removes matching documents and returns how many were removed.
    pub(super) async fn remove(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        delegate!(self, remove(collection, filter))
    }

    /// Returns a position up to which every document is stored or never will be.
    pub(super) async fn settled_position(&self) -> Result<u64, Error> {
        delegate!(self, settled_position())
    }

    /// Creates an index and returns whether it was missing. The call does not have a time limit.
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

    /// Returns the complete indexes of a collection, also those that were not made here. It leaves out
    /// an index that [`Index`] cannot describe, such as a text index.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and [`Error::Timeout`].
    pub async fn indexes(&self, collection: &Collection) -> Result<Vec<Index>, Error> {
        delegate!(self, indexes(collection))
    }
}
