//! Documents in JSONB tables of PostgreSQL, so that a small deployment does not need MongoDB.
//!
//! Each collection is a table `(id, body)` in the first schema of the role's `search_path`. A filter
//! becomes a value of PostgreSQL's type `jsonpath` and not SQL. Its lax mode crosses arrays and compares
//! within a type, as MongoDB does, and the index on `body` supports it. The number of different
//! statements stays small, so each is prepared once. Dates are stored as Extended JSON in one fixed form
//! and compared as text.

mod condition;
mod ddl;
mod index;
mod jsonpath;
mod order;
mod plan;
mod read;
mod statement;
mod tables;
mod update;
mod write;

use super::{
    Bounds, Collection, Document, Error, Filter, Index, IndexError, InsertOutcome, Path, Sort,
    Update,
};
use crate::postgres::Pool;
use index::Indexes;

/// The document store of one PostgreSQL role.
#[derive(Debug, Clone)]
pub struct Jsonb {
    pool: Pool,
    indexes: Indexes,
}

impl Jsonb {
    /// `pool` must connect as a role that may create tables in the first schema of its `search_path`. The
    /// schema belongs to the adapter: any table in it is used as a collection.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            indexes: Indexes::default(),
        }
    }

    /// Creates missing tables and loads the existing indexes. Several adapters may call this at the same
    /// time.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and [`Error::Timeout`]. Some tables may still be missing then.
    pub async fn ensure_collections(&self, collections: &[Collection]) -> Result<(), Error> {
        tables::ensure(&self.pool, collections).await?;
        self.indexes.load(&self.pool).await
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn on_thread(&self, number: usize) -> Self {
        Self {
            pool: self.pool.on_thread(number),
            indexes: self.indexes.clone(),
        }
    }
}

impl Jsonb {
    pub(super) async fn insert(
        &self,
        collection: &Collection,
        documents: Vec<Document>,
    ) -> Result<Vec<InsertOutcome>, Error> {
        write::insert(&self.pool, collection, documents).await
    }

    pub(super) async fn find(
        &self,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        bounds: Bounds,
    ) -> Result<Vec<String>, Error> {
        read::find(self, collection, filter, sort, bounds).await
    }

    pub(super) async fn count(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        read::count(self, collection, filter).await
    }

    pub(super) async fn count_by(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
        bounds: Bounds,
    ) -> Result<Vec<(String, u64)>, Error> {
        read::count_by(self, collection, field, filter, bounds).await
    }

    pub(super) async fn count_distinct(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
    ) -> Result<u64, Error> {
        read::count_distinct(self, collection, field, filter).await
    }

    pub(super) async fn update(
        &self,
        collection: &Collection,
        filter: &Filter,
        update: Update,
    ) -> Result<u64, Error> {
        update::update(&self.pool, collection, filter, update).await
    }

    pub(super) async fn remove(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        write::remove(&self.pool, collection, filter).await
    }

    pub(super) async fn create_index(&self, index: &Index) -> Result<bool, IndexError> {
        index::create(&self.pool, &self.indexes, index).await
    }

    pub(super) async fn drop_index(
        &self,
        collection: &Collection,
        name: &str,
    ) -> Result<(), Error> {
        index::drop(&self.pool, &self.indexes, collection, name).await
    }
}
