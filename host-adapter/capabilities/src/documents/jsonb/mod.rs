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
mod positions;
mod read;
mod statement;
mod tables;
mod update;
mod write;

use super::{Collection, Error};
use crate::postgres::Pool;
use index::Indexes;
use positions::Positions;

/// The document store of one PostgreSQL role.
#[derive(Debug, Clone)]
pub struct Jsonb {
    pool: Pool,
    indexes: Indexes,
    positions: Positions,
}

impl Jsonb {
    /// `pool` must connect as a role that may create tables in the first schema of its `search_path`. The
    /// schema belongs to the adapter: any table in it is used as a collection.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            indexes: Indexes::default(),
            positions: Positions::default(),
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
        self.positions.load(&self.pool).await?;
        self.indexes.load(&self.pool).await
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn on_thread(&self, number: usize) -> Self {
        Self {
            pool: self.pool.on_thread(number),
            indexes: self.indexes.clone(),
            positions: self.positions.clone(),
        }
    }
}
