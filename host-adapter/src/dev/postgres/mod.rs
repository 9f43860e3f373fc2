//! A private PostgreSQL cluster, made of the programs that the machine has.
//!
//! It listens on a socket in a directory that only its user can enter, and asks for a password
//! besides. The decision that is hardest to take back: the cluster outlives its starter. A server
//! that an adapter left behind when it was killed is taken over by the next one, because a
//! database that is stopped in passing is a database that recovers at every start.

mod account;
mod cluster;
mod errors;
mod lock;
mod place;
mod programs;
mod temporary;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::config::percent_encode;

use account::{Account, failed};
use cluster::{Cluster, PATIENCE_SECONDS, ROLE};
use place::Place;
use programs::Programs;
use temporary::Watch;

pub use errors::DevError;

/// How often a server is asked that does not answer yet.
const INTERVAL: Duration = Duration::from_millis(50);

/// Within which the processes of a server notice that it died.
const FAREWELL: Duration = Duration::from_secs(10);

/// SQLSTATEs of a server that does not know us.
const REFUSALS: &[&str] = &["28"];

/// SQLSTATEs of a server that starts or stops, or that has no connection to spare.
const PASSING: &[&str] = &["57P03", "53300"];

/// Tests run side by side, each with pools of its own.
const TEMPORARY_CONNECTIONS: u32 = 300;

/// How a cluster is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether what is committed survives a power cut. Without it tests are several times faster.
    pub durable: bool,
    /// Connections of all clients together. Each takes a few MB in PostgreSQL.
    pub max_connections: u32,
}

impl Default for Options {
    /// Durable, and as many connections as PostgreSQL's own default.
    fn default() -> Self {
        Self {
            durable: true,
            max_connections: 100,
        }
    }
}

/// A running cluster that this process uses.
///
/// Dropping it leaves the server running for the next [`PrivatePostgres::start`], except one made
/// by [`PrivatePostgres::temporary`], which ends with it.
pub struct PrivatePostgres {
    cluster: Cluster,
    password: SecretString,
    /// Held for as long as we use it.
    usage: File,
    adopted: bool,
    watch: Option<Watch>,
}

impl PrivatePostgres {
    /// Start the cluster in `directory`, made if need be, or take over the one that runs there.
    ///
    /// As root it is run by the user `postgres` or `nobody`. If that user cannot enter
    /// `directory`, the cluster is under `/var/lib/spindle` instead, which the log says.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start; the text says what to do, or ends with
    /// PostgreSQL's own words.
    pub async fn start(directory: &Path, options: &Options) -> Result<Self, DevError> {
        let account = Account::find().await?;
        let place = Place::prepare(directory, &account).await?;
        let _change = lock_changes(&place).await?;
        let version = read_version(&place)?;
        let programs = find_programs(&account, &place, version.as_deref()).await?;
        let cluster = Cluster {
            place,
            programs,
            account,
        };
        if version.is_none() {
            cluster.initialise(&new_password(), options.durable).await?;
        }
        let adopted = ensure_running(&cluster, options).await?;
        let usage = lock::usage(&cluster.place.directory)?;
        let password = read_password(&cluster.place)?;
        let postgres = Self {
            cluster,
            password,
            usage,
            adopted,
            watch: None,
        };
        match postgres.wait_until_it_answers().await {
            Ok(()) => Ok(postgres),
            Err(error) => {
                postgres.stop_if_last().await?;
                Err(error)
            }
        }
    }

    /// A fresh cluster in the system's directory for temporary files, not durable. It ends, and
    /// its files go, with [`PrivatePostgres::stop`], when it is dropped, or when this process ends
    /// in whatever way.
    ///
    /// # Errors
    /// As for [`PrivatePostgres::start`].
    pub async fn temporary() -> Result<Self, DevError> {
        let directory = std::env::temp_dir().join(format!("spindle-{}", new_password()));
        let options = Options {
            durable: false,
            max_connections: TEMPORARY_CONNECTIONS,
        };
        let started = Self::start(&directory, &options).await;
        let mut postgres = started.inspect_err(|_| {
            // The error is what counts; a directory left over in its place is harmless.
            let _ = std::fs::remove_dir_all(&directory);
        })?;
        postgres.watch = Some(Watch::begin(&postgres.cluster)?);
        Ok(postgres)
    }

    /// The URL of one of its databases, for a role that may do everything. `postgres` always
    /// exists. psql and sqlx both understand it.
    pub fn url(&self, database: &str) -> SecretString {
        let (password, database) = (self.password.expose_secret(), percent_encode(database));
        let host = percent_encode(&self.cluster.place.socket_directory.to_string_lossy());
        format!("postgres://{ROLE}:{password}@localhost/{database}?host={host}").into()
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.cluster.place.directory
    }

    /// Whether it ran already.
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Stop the cluster, unless another process still uses it.
    ///
    /// # Errors
    /// PostgreSQL does not stop. It goes on running, and the next start takes it over.
    pub async fn stop(self) -> Result<(), DevError> {
        if let Some(watch) = self.watch {
            return watch.end().await;
        }
        let _change = lock_changes(&self.cluster.place).await?;
        self.stop_if_last().await
    }

    /// To be called with the lock for changes.
    async fn stop_if_last(self) -> Result<(), DevError> {
        if lock::was_last(self.usage, &self.cluster.place.directory).await? {
            self.cluster.stop().await?;
        }
        Ok(())
    }

    async fn wait_until_it_answers(&self) -> Result<(), DevError> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_SECONDS);
        let url = self.url("postgres");
        loop {
            match PgConnection::connect(url.expose_secret()).await {
                Ok(connection) => {
                    // It answered; how it takes our leave is of no consequence.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) if has_code(&error, REFUSALS) => {
                    return Err(DevError::Refused {
                        path: self.cluster.place.password(),
                    });
                }
                // It is starting or stopping, or the socket is not there yet.
                Err(error)
                    if Instant::now() < deadline
                        && (error.as_database_error().is_none() || has_code(&error, PASSING)) =>
                {
                    sleep(INTERVAL).await;
                }
                Err(_) => return Err(not_answering(&self.cluster)),
            }
        }
    }
}

/// Whether the server answered with an error whose SQLSTATE begins with one of `codes`.
fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| codes.iter().any(|begin| code.starts_with(begin)))
}

/// Whether it ran already.
async fn ensure_running(cluster: &Cluster, options: &Options) -> Result<bool, DevError> {
    if cluster.is_running().await {
        tracing::info!("taking over the PostgreSQL that already runs");
        return Ok(true);
    }
    let died = cluster.remove_traces()?;
    let deadline = Instant::now() + FAREWELL;
    while let Err(error) = cluster.start(options).await {
        // What a killed server had started still holds its memory, but not for long.
        if !died || Instant::now() >= deadline {
            return Err(error);
        }
        sleep(INTERVAL).await;
    }
    Ok(false)
}

async fn lock_changes(place: &Place) -> Result<File, DevError> {
    let patience = Duration::from_secs(PATIENCE_SECONDS);
    let held = lock::change(&place.directory, patience).await?;
    held.ok_or_else(|| DevError::NotAnswering {
        directory: place.directory.clone(),
        output: format!("another process has been changing it for {PATIENCE_SECONDS} s"),
    })
}

async fn find_programs(
    account: &Account,
    place: &Place,
    version: Option<&str>,
) -> Result<Programs, DevError> {
    let found = Programs::find(account, version).await;
    found.ok_or_else(|| match version {
        None => DevError::NotInstalled,
        Some(version) => DevError::VersionMissing {
            directory: place.directory.clone(),
            version: version.to_owned(),
        },
    })
}

fn not_answering(cluster: &Cluster) -> DevError {
    DevError::NotAnswering {
        directory: cluster.place.directory.clone(),
        output: cluster.log_tail(),
    }
}

/// The major version that made the data; `None` if there is none yet.
fn read_version(place: &Place) -> Result<Option<String>, DevError> {
    let file = place.data().join("PG_VERSION");
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("reading", &file)(error)),
    }
}

fn read_password(place: &Place) -> Result<SecretString, DevError> {
    let file = place.password();
    let text = std::fs::read_to_string(&file).map_err(failed("reading", &file))?;
    Ok(text.into())
}

/// 128 random bits in characters that need no quoting anywhere.
fn new_password() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
