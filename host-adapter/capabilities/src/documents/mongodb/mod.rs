//! Documents in MongoDB, through the official driver.
//!
//! A caller's text is parsed into [`Filter`](super::Filter) and [`Update`](super::Update), and each operator
//! is translated here. The text itself is never passed on, so a caller cannot use operators such as `$where`
//! or `$expr`. The
//! adapter uses only features of MongoDB 4.4 on a single server: no transactions and no sessions.
//!
//! The driver's connections belong to the runtime that created it, and every call runs there as a
//! separate task. A component's thread is woken once per call instead of once per packet, and a caller
//! may drop its future at any time.

mod bson;
mod connection;
mod errors;
mod filter;
mod index;
mod positions;
mod read;
mod write;

use secrecy::SecretString;

use super::Error;
use connection::Connection;
pub use connection::MongoDbSettings;
use positions::Positions;

/// The document store of the process. All components share one client.
#[derive(Debug, Clone)]
pub struct MongoDb {
    connection: Connection,
    positions: Positions,
}

impl MongoDb {
    /// Connects to the database in `url` and waits for an answer.
    ///
    /// Pool size, timeouts and write concern in the URL override `settings`.
    ///
    /// # Errors
    ///
    /// The URL is not valid, or a usable server does not answer. The text does not repeat the URL, which
    /// contains a password.
    pub async fn connect(url: &SecretString, settings: MongoDbSettings) -> anyhow::Result<Self> {
        let connection = Connection::open(url, settings).await?;
        let positions = Positions::default();
        Ok(Self {
            connection,
            positions,
        })
    }

    /// Describes the location for logs and terminals: hosts and database.
    #[must_use]
    pub fn describe(&self) -> String {
        self.connection.describe()
    }

    /// Checks that MongoDB answers. The caller should set a shorter timeout than that of a call.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.connection.ping().await
    }

    /// Closes the connections. Further calls return [`Error::Unavailable`].
    pub async fn close(&self) {
        self.connection.close().await;
    }
}
