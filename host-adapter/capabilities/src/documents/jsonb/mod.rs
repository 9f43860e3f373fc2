//! Documents in JSONB tables of PostgreSQL, so that a small deployment needs no MongoDB.
//!
//! One table per collection, `(id, body)`, in the schema that comes first in the role's `search_path`.
//! A filter becomes one value of PostgreSQL's type `jsonpath` and not SQL: its lax mode crosses arrays
//! and compares within a type as MongoDB does, the index on `body` understands it, and the statements
//! stay the same few, prepared once, whatever a caller asks. Dates are kept as Extended JSON, always in
//! the same form, and compared as text.

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
    /// `pool` connects as a role that may create tables in its first schema, which is the adapter's:
    /// a table there is a collection, whoever made it.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            indexes: Indexes::default(),
        }
    }

    /// Creates the tables that are missing, and reads which indexes there are. Several adapters may do so at once.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and [`Error::Timeout`], and then some may be missing still.
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
