//! Documents in MongoDB, by the official driver.
//!
//! What a caller may say has been read into [`Filter`] and [`Update`]; it is translated here operator
//! by operator and never passed on, so `$where` or `$expr` can only be the adapter's own. Everything
//! stays within what MongoDB 4.4 does on a single server: no transactions, no sessions.
//!
//! The driver keeps its connections on the runtime that made it, and every call runs there as a task of
//! its own: a component's thread is woken once per call instead of once per packet, and a caller may
//! go away at any time.

mod bson;
mod connection;
mod errors;
mod filter;
mod index;
mod read;
mod write;

use secrecy::SecretString;

use super::{
    Bounds, Collection, Document, Error, Filter, Index, IndexError, InsertOutcome, Path, Sort,
    Update,
};
use connection::Connection;
pub use connection::MongoDbSettings;

/// The document store of the process: one client, however many components.
#[derive(Debug, Clone)]
pub struct MongoDb {
    connection: Connection,
}

impl MongoDb {
    /// Connects to the database in `url`, and waits for its answer.
    ///
    /// What the URL says of pools, timeouts and write concern wins over `settings`.
    ///
    /// # Errors
    ///
    /// The URL cannot be used, or nothing usable answers there; the text says what is wrong without
    /// repeating the URL, which holds a password.
    pub async fn connect(url: &SecretString, settings: MongoDbSettings) -> anyhow::Result<Self> {
        let connection = Connection::open(url, settings).await?;
        Ok(Self { connection })
    }

    /// Where it is, for people: hosts and database.
    #[must_use]
    pub fn describe(&self) -> String {
        self.connection.describe()
    }

    /// Whether it answers. Takes as long as it takes; the caller sets a limit.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.connection.ping().await
    }

    /// Closes the connections; further calls are `unavailable`.
    pub async fn close(&self) {
        self.connection.close().await;
    }
}

impl MongoDb {
    pub(super) async fn insert(
        &self,
        collection: &Collection,
        documents: Vec<Document>,
    ) -> Result<Vec<InsertOutcome>, Error> {
        write::insert(&self.connection, collection, documents).await
    }

    pub(super) async fn find(
        &self,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        bounds: Bounds,
    ) -> Result<Vec<String>, Error> {
        read::find(&self.connection, collection, filter, sort, bounds).await
    }

    pub(super) async fn count(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        read::count(&self.connection, collection, filter).await
    }

    pub(super) async fn count_by(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
        bounds: Bounds,
    ) -> Result<Vec<(String, u64)>, Error> {
        read::count_by(&self.connection, collection, field, filter, bounds).await
    }

    pub(super) async fn count_distinct(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
    ) -> Result<u64, Error> {
        read::count_distinct(&self.connection, collection, field, filter).await
    }

    pub(super) async fn update(
        &self,
        collection: &Collection,
        filter: &Filter,
        update: Update,
    ) -> Result<u64, Error> {
        write::update(&self.connection, collection, filter, update).await
    }

    pub(super) async fn remove(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        write::remove(&self.connection, collection, filter).await
    }

    pub(super) async fn create_index(&self, index: &Index) -> Result<bool, IndexError> {
        index::create(&self.connection, index).await
    }

    pub(super) async fn drop_index(
        &self,
        collection: &Collection,
        name: &str,
    ) -> Result<(), Error> {
        index::drop(&self.connection, collection, name).await
    }
}
