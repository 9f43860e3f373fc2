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

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::{
    Backend, Bounds, Collection, Document, Error, Filter, Index, IndexError, InsertOutcome, Path,
    Sort, Update,
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

impl Backend for MongoDb {
    fn insert<'a>(
        &'a self,
        collection: &'a Collection,
        documents: Vec<Document>,
    ) -> BoxFuture<'a, Result<Vec<InsertOutcome>, Error>> {
        Box::pin(write::insert(&self.connection, collection, documents))
    }

    fn find<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
        sort: &'a Sort,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(read::find(
            &self.connection,
            collection,
            filter,
            sort,
            bounds,
        ))
    }

    fn count<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(read::count(&self.connection, collection, filter))
    }

    fn count_by<'a>(
        &'a self,
        collection: &'a Collection,
        field: &'a Path,
        filter: &'a Filter,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, Error>> {
        Box::pin(read::count_by(
            &self.connection,
            collection,
            field,
            filter,
            bounds,
        ))
    }

    fn count_distinct<'a>(
        &'a self,
        collection: &'a Collection,
        field: &'a Path,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(read::count_distinct(
            &self.connection,
            collection,
            field,
            filter,
        ))
    }

    fn update<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
        update: Update,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(write::update(&self.connection, collection, filter, update))
    }

    fn remove<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(write::remove(&self.connection, collection, filter))
    }

    fn create_index<'a>(&'a self, index: &'a Index) -> BoxFuture<'a, Result<bool, IndexError>> {
        Box::pin(index::create(&self.connection, index))
    }

    fn drop_index<'a>(
        &'a self,
        collection: &'a Collection,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(index::drop(&self.connection, collection, name))
    }
}
