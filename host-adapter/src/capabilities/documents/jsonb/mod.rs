//! Documents in JSONB tables of PostgreSQL, so that a small deployment needs no MongoDB.
//!
//! One table per collection, `(id, body)`, in the schema that comes first in the role's `search_path`.
//! A filter becomes one value of PostgreSQL's type `jsonpath` and not SQL: its lax mode crosses arrays
//! and compares within a type as MongoDB does, the index on `body` understands it, and the statements
//! stay the same few, prepared once, whatever a caller asks. Dates are kept as Extended JSON, always in
//! the same form, and compared as text.

mod condition;
mod index;
mod jsonpath;
mod order;
mod plan;
mod read;
mod statement;
mod tables;
mod update;
mod write;

use futures_util::future::BoxFuture;

use super::{
    Backend, Bounds, Collection, Document, Error, Filter, Index, IndexError, InsertOutcome, Path,
    Sort, Update,
};
use crate::capabilities::postgres::Pool;
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
}

impl Backend for Jsonb {
    fn insert<'a>(
        &'a self,
        collection: &'a Collection,
        documents: Vec<Document>,
    ) -> BoxFuture<'a, Result<Vec<InsertOutcome>, Error>> {
        Box::pin(write::insert(&self.pool, collection, documents))
    }

    fn find<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
        sort: &'a Sort,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(read::find(self, collection, filter, sort, bounds))
    }

    fn count<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(read::count(self, collection, filter))
    }

    fn count_by<'a>(
        &'a self,
        collection: &'a Collection,
        field: &'a Path,
        filter: &'a Filter,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, Error>> {
        Box::pin(read::count_by(self, collection, field, filter, bounds))
    }

    fn count_distinct<'a>(
        &'a self,
        collection: &'a Collection,
        field: &'a Path,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(read::count_distinct(self, collection, field, filter))
    }

    fn update<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
        update: Update,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(update::update(&self.pool, collection, filter, update))
    }

    fn remove<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(write::remove(&self.pool, collection, filter))
    }

    fn create_index<'a>(&'a self, index: &'a Index) -> BoxFuture<'a, Result<bool, IndexError>> {
        Box::pin(index::create(&self.pool, &self.indexes, index))
    }

    fn drop_index<'a>(
        &'a self,
        collection: &'a Collection,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(index::drop(&self.pool, &self.indexes, collection, name))
    }
}
