//! The process's one client, and how a call is run on it.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use adapter_settings::{Integer, MINUTE, Time};
use mongodb::{
    Client, Database,
    bson::doc,
    error::{Error as DriverError, ErrorKind},
    options::{Acknowledgment, ClientOptions, WriteConcern},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::super::Error;
use super::errors;

/// Where documents are when the URL names no database.
const DEFAULT_DATABASE: &str = "spindle";

/// How much longer than the server's own limit the adapter waits before it gives up: so long the
/// server has to say itself that it stopped.
const GRACE: Duration = Duration::from_millis(500);

/// Size and timeouts of the client, where the URL does not give them.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct MongoDbSettings {
    /// Connections of the whole process, one for each call at once. The default is as many as a usual
    /// server works on at the same time.
    #[serde(with = "Integer::<1, 1_000>")]
    pub connections: u32,
    /// How long a call waits for a connection before it is `unavailable`. The default is enough to
    /// find the primary and open a connection over TLS.
    #[serde(with = "Time::<10, MINUTE>")]
    pub acquire_timeout: Duration,
    /// How long the server may work on one call before it stops. In a request, a query that takes
    /// longer than the default lacks an index.
    #[serde(with = "Time::<10, { 5 * MINUTE }>")]
    pub operation_timeout: Duration,
}

impl Default for MongoDbSettings {
    fn default() -> Self {
        Self {
            connections: 32,
            acquire_timeout: Duration::from_secs(2),
            operation_timeout: Duration::from_secs(5),
        }
    }
}

/// A cloneable handle to the client and its database.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    database: Database,
    settings: MongoDbSettings,
    /// The driver lets any number of calls queue for its connections, for as long as they like.
    slots: Arc<Semaphore>,
    /// Where the driver's connections are; see the module's documentation.
    runtime: Handle,
    reachable: Arc<AtomicBool>,
    place: Arc<str>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) async fn open(
        url: &SecretString,
        mut settings: MongoDbSettings,
    ) -> anyhow::Result<Self> {
        let mut options = ClientOptions::parse(url.expose_secret())
            .await
            .map_err(|error| match *error.kind {
                ErrorKind::DnsResolve { .. } => anyhow::anyhow!("its host name cannot be resolved"),
                _ => {
                    anyhow::anyhow!("it is not a MongoDB URL, or its options contradict each other")
                }
            })?;
        complete(&mut options, settings);
        settings.connections = options.max_pool_size.unwrap_or(settings.connections);
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let name = options.default_database.clone();
        let name = name.unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
        let client = Client::with_options(options)
            .map_err(|_| anyhow::anyhow!("its options cannot be used together"))?;
        let connection = Self {
            database: client.database(&name),
            client,
            settings,
            slots: Arc::new(Semaphore::new(slots(settings.connections))),
            runtime: Handle::current(),
            reachable: Arc::new(AtomicBool::new(true)),
            place: format!("{}, database `{name}`", hosts.join(", ")).into(),
        };
        let answer = connection.database.run_command(doc! { "ping": 1 }).await;
        answer.map_err(|error| anyhow::anyhow!("{}: {}", connection.place, reason(&error)))?;
        Ok(connection)
    }

    pub(super) fn describe(&self) -> String {
        self.place.to_string()
    }

    /// For queries: after so long the server stops them.
    pub(super) fn max_time(&self) -> Duration {
        self.settings.operation_timeout
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.run(|database| async move { database.run_command(doc! { "ping": 1 }).await })
            .await
            .map(|_| ())
    }

    /// Does `work`, with the driver's errors as the interface's.
    pub(super) async fn run<T, W, F>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(Database) -> F,
        F: Future<Output = Result<T, DriverError>> + Send + 'static,
    {
        let work = work(self.database.clone());
        self.run_checked(|_| async move { Ok(work.await) }).await
    }

    /// Does `work`, whose own errors are the outer ones.
    pub(super) async fn run_checked<T, W, F>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(Database) -> F,
        F: Future<Output = Result<Result<T, DriverError>, Error>> + Send + 'static,
    {
        let slot = self.slot().await?;
        // Finding the server comes first, and has a limit of its own.
        let limit = self.settings.acquire_timeout + self.settings.operation_timeout + GRACE;
        let work = tokio::time::timeout(limit, work(self.database.clone()));
        let task = self.runtime.spawn(async move {
            let result = work.await;
            drop(slot);
            result
        });
        match task.await {
            Ok(Ok(Ok(Ok(value)))) => {
                self.note_up();
                Ok(value)
            }
            Ok(Ok(Ok(Err(error)))) => Err(self.failed(&error)),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(Error::Timeout),
            Err(_) => Err(Error::Unavailable("the call was given up".to_owned())),
        }
    }

    /// For work that may take as long as it takes, for the person who administers the store.
    pub(super) fn administered(&self) -> &Database {
        &self.database
    }

    /// Waits for calls under way, and ends the client.
    pub(super) async fn close(&self) {
        let all = u32::try_from(slots(self.settings.connections)).unwrap_or(u32::MAX);
        let idle = self.slots.acquire_many(all);
        // A call that takes longer than any may is given up.
        let _ = tokio::time::timeout(self.settings.operation_timeout, idle).await;
        self.slots.close();
        self.client.clone().shutdown().immediate(true).await;
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, Error> {
        let slot = self.slots.clone().acquire_owned();
        match tokio::time::timeout(self.settings.acquire_timeout, slot).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) => Err(errors::unreachable()),
            Err(_) => Err(Error::Unavailable(
                "all connections to MongoDB are in use".to_owned(),
            )),
        }
    }

    fn failed(&self, error: &DriverError) -> Error {
        if errors::is_away(error) {
            self.note_down(error);
        } else {
            self.note_up();
        }
        errors::from_driver(error)
    }

    /// Logs the change only: while MongoDB is away every request fails here.
    fn note_down(&self, reason: &DriverError) {
        if self.reachable.swap(false, Ordering::Relaxed) {
            tracing::error!("MongoDB is not available: {reason}");
        }
    }

    fn note_up(&self) {
        if !self.reachable.load(Ordering::Relaxed) && !self.reachable.swap(true, Ordering::Relaxed)
        {
            tracing::info!("MongoDB is available again");
        }
    }
}

/// What the URL leaves open. Written to a majority and to the journal: what was acknowledged is
/// there after any one server was lost or killed.
fn complete(options: &mut ClientOptions, settings: MongoDbSettings) {
    options
        .app_name
        .get_or_insert_with(|| "host-adapter".to_owned());
    options.max_pool_size.get_or_insert(settings.connections);
    options
        .connect_timeout
        .get_or_insert(settings.acquire_timeout);
    options
        .server_selection_timeout
        .get_or_insert(settings.acquire_timeout);
    options.write_concern.get_or_insert_with(|| {
        WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .w_timeout(settings.operation_timeout)
            .build()
    });
}

/// In a URL, 0 connections are any number of them.
fn slots(connections: u32) -> usize {
    match connections {
        0 => Semaphore::MAX_PERMITS.min(u32::MAX as usize),
        connections => connections as usize,
    }
}

/// For the person who starts the adapter, in short; all that the driver knows is in the log.
fn reason(error: &DriverError) -> String {
    tracing::error!("MongoDB: {error}");
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => "the user or password is not accepted".to_owned(),
        ErrorKind::Command(error) => format!("it answered `{}`", error.code_name),
        _ => "no server that can be used answers".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: MongoDbSettings = MongoDbSettings {
        connections: 7,
        acquire_timeout: Duration::from_secs(3),
        operation_timeout: Duration::from_secs(4),
    };

    async fn completed(url: &str) -> ClientOptions {
        let mut options = ClientOptions::parse(url).await.unwrap();
        complete(&mut options, SETTINGS);
        options
    }

    #[tokio::test]
    async fn writes_are_acknowledged_by_a_majority_unless_the_url_says_otherwise() {
        let concern = completed("mongodb://h/db").await.write_concern.unwrap();
        assert_eq!(concern.w, Some(Acknowledgment::Majority));
        assert_eq!(concern.journal, Some(true));
        let concern = completed("mongodb://h/db?w=1").await.write_concern.unwrap();
        assert_eq!(
            (concern.w, concern.journal),
            (Some(Acknowledgment::Nodes(1)), None)
        );
    }

    #[tokio::test]
    async fn the_url_wins_over_the_settings() {
        let options = completed("mongodb://h/db").await;
        assert_eq!(options.max_pool_size, Some(7));
        assert_eq!(options.connect_timeout, Some(Duration::from_secs(3)));
        assert_eq!(
            options.server_selection_timeout,
            Some(Duration::from_secs(3))
        );
        let url = "mongodb://h/db?maxPoolSize=5&connectTimeoutMS=10&serverSelectionTimeoutMS=20";
        let options = completed(url).await;
        assert_eq!(options.max_pool_size, Some(5));
        assert_eq!(options.connect_timeout, Some(Duration::from_millis(10)));
        assert_eq!(
            options.server_selection_timeout,
            Some(Duration::from_millis(20))
        );
    }
}
