//! The MongoDB client of the process, and how calls run on it.

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

use adapter_contract::deadline;

use super::super::Error;
use super::errors;

/// The database if the URL does not name one.
const DEFAULT_DATABASE: &str = "spindle";

/// Extra wait after the server's time limit, so that the server can report the timeout itself.
const GRACE: Duration = Duration::from_millis(500);

/// Size and timeouts of the client, where the URL does not give them.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct MongoDbSettings {
    /// Connections of the whole process. Each running call uses one. The default is as many as a usual
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
    /// Limits calls, because the driver's own queue for connections is not bounded in length or time.
    slots: Arc<Semaphore>,
    /// The runtime of the driver's connections; see the documentation of the parent module.
    runtime: Handle,
    reachable: Arc<AtomicBool>,
    location: Arc<str>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("location", &self.location)
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
        set_defaults(&mut options, settings);
        settings.connections = options.max_pool_size.unwrap_or(settings.connections);
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let name = options.default_database.clone();
        let name = name.unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
        let client = Client::with_options(options)
            .map_err(|_| anyhow::anyhow!("its options contradict each other"))?;
        let connection = Self {
            database: client.database(&name),
            client,
            settings,
            slots: Arc::new(Semaphore::new(slot_count(settings.connections))),
            runtime: Handle::current(),
            reachable: Arc::new(AtomicBool::new(true)),
            location: format!("{}, database `{name}`", hosts.join(", ")).into(),
        };
        let answer = connection.database.run_command(doc! { "ping": 1 }).await;
        answer.map_err(|error| {
            anyhow::anyhow!("{}: {}", connection.location, describe_failure(&error))
        })?;
        Ok(connection)
    }

    pub(super) fn describe(&self) -> String {
        self.location.to_string()
    }

    /// The time limit that the server applies to a query: the setting, or what the caller's request has left.
    pub(super) fn max_time(&self) -> Duration {
        let longest = self.settings.operation_timeout;
        let left = deadline::left().map(|left| left.max(Duration::from_millis(1)));
        left.map_or(longest, |left| left.min(longest))
    }

    /// The longest time that the work of a call may take. It includes finding the server, which has a
    /// separate timeout.
    pub(super) fn longest_call(&self) -> Duration {
        self.settings.acquire_timeout + self.settings.operation_timeout + GRACE
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.run(|database| async move { database.run_command(doc! { "ping": 1 }).await })
            .await
            .map(|_| ())
    }

    /// Runs `work` and converts the driver's errors.
    pub(super) async fn run<T, W, F>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(Database) -> F,
        F: Future<Output = Result<T, DriverError>> + Send + 'static,
    {
        let work = work(self.database.clone());
        self.run_checked(|_| async move { Ok(work.await) }).await
    }

    /// Runs `work`, which returns its own errors as the outer ones and the driver's as the inner ones.
    pub(super) async fn run_checked<T, W, F>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(Database) -> F,
        F: Future<Output = Result<Result<T, DriverError>, Error>> + Send + 'static,
    {
        let slot = self.acquire_slot().await?;
        let work = tokio::time::timeout(self.longest_call(), work(self.database.clone()));
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
            Ok(Ok(Ok(Err(error)))) => Err(self.note_failure(&error)),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(Error::Timeout),
            Err(_) => Err(Error::Unavailable("the call was aborted".to_owned())),
        }
    }

    /// The database without a time limit, for administrative work.
    pub(super) fn admin_database(&self) -> &Database {
        &self.database
    }

    /// Waits for running calls and shuts down the client.
    pub(super) async fn close(&self) {
        let all = u32::try_from(slot_count(self.settings.connections)).unwrap_or(u32::MAX);
        let idle = self.slots.acquire_many(all);
        // A call that is still running after its timeout is aborted.
        let _ = tokio::time::timeout(self.settings.operation_timeout, idle).await;
        self.slots.close();
        self.client.clone().shutdown().immediate(true).await;
    }

    async fn acquire_slot(&self) -> Result<OwnedSemaphorePermit, Error> {
        let slot = self.slots.clone().acquire_owned();
        match tokio::time::timeout(self.settings.acquire_timeout, slot).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) => Err(errors::unreachable()),
            Err(_) => Err(Error::Unavailable(
                "all connections to MongoDB are in use".to_owned(),
            )),
        }
    }

    /// Records whether MongoDB can be reached, and converts the error.
    fn note_failure(&self, error: &DriverError) -> Error {
        if errors::is_unreachable(error) {
            self.note_down(error);
        } else {
            self.note_up();
        }
        errors::from_driver(error)
    }

    /// Logs only the transition, because every call fails while MongoDB is unreachable.
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

/// Sets options that the URL does not set. A write is acknowledged by a majority and journaled, so it
/// survives the loss or crash of one server.
fn set_defaults(options: &mut ClientOptions, settings: MongoDbSettings) {
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

/// Converts the number of connections, where 0 in a URL means unlimited.
fn slot_count(connections: u32) -> usize {
    match connections {
        0 => Semaphore::MAX_PERMITS.min(u32::MAX as usize),
        connections => connections as usize,
    }
}

/// Describes the failure in short for the terminal, and logs the driver's full error.
fn describe_failure(error: &DriverError) -> String {
    tracing::error!("MongoDB: {error}");
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => "the user or password was rejected".to_owned(),
        ErrorKind::Command(error) => format!("the server returned `{}`", error.code_name),
        _ => "a usable server did not answer".to_owned(),
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

    async fn options_for(url: &str) -> ClientOptions {
        let mut options = ClientOptions::parse(url).await.unwrap();
        set_defaults(&mut options, SETTINGS);
        options
    }

    #[tokio::test]
    async fn majority_write_concern_applies_unless_the_url_sets_one() {
        let concern = options_for("mongodb://h/db").await.write_concern.unwrap();
        assert_eq!(concern.w, Some(Acknowledgment::Majority));
        assert_eq!(concern.journal, Some(true));
        let concern = options_for("mongodb://h/db?w=1")
            .await
            .write_concern
            .unwrap();
        assert_eq!(
            (concern.w, concern.journal),
            (Some(Acknowledgment::Nodes(1)), None)
        );
    }

    #[tokio::test]
    async fn url_options_override_the_settings() {
        let options = options_for("mongodb://h/db").await;
        assert_eq!(options.max_pool_size, Some(7));
        assert_eq!(options.connect_timeout, Some(Duration::from_secs(3)));
        assert_eq!(
            options.server_selection_timeout,
            Some(Duration::from_secs(3))
        );
        let url = "mongodb://h/db?maxPoolSize=5&connectTimeoutMS=10&serverSelectionTimeoutMS=20";
        let options = options_for(url).await;
        assert_eq!(options.max_pool_size, Some(5));
        assert_eq!(options.connect_timeout, Some(Duration::from_millis(10)));
        assert_eq!(
            options.server_selection_timeout,
            Some(Duration::from_millis(20))
        );
    }
}
