//! A private PostgreSQL cluster, run by the machine's own PostgreSQL programs.
//!
//! It listens on a socket in a directory that only its user can enter, and requires a password. The
//! cluster outlives a process that is killed, and the next process adopts it. Stopping it abruptly
//! instead would cost a recovery at the next start.

mod account;
mod cluster;
mod data_directory;
mod errors;
mod lock;
mod programs;
mod supervise;
mod temporary;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::config::percent_encode;

use account::{Account, file_error};
use cluster::{Cluster, ROLE, TIMEOUT_SECONDS};
use data_directory::DataDirectory;
use programs::Programs;
use supervise::Supervisor;
use temporary::Watch;

pub use errors::DevError;

/// Pause between attempts to connect to a server that is starting.
const INTERVAL: Duration = Duration::from_millis(50);

/// Time for the child processes of a killed server to notice its death and exit.
const ORPHAN_EXIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Beginnings of the SQLSTATEs with which a server rejects the role or password.
const AUTHENTICATION_ERRORS: &[&str] = &["28"];

/// SQLSTATEs of a server that is starting or stopping, or has no free connection.
const TRANSIENT_ERRORS: &[&str] = &["57P03", "53300"];

/// Enough for tests that run in parallel, each with its own pools.
const TEMPORARY_CONNECTIONS: u32 = 300;

/// Options of a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether committed data survives a power cut. Without it, tests are several times faster.
    pub durable: bool,
    /// Limit of connections of all clients. Each takes a few MB in PostgreSQL.
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
/// Dropping it leaves the server running for the next [`PrivatePostgres::start`]. A cluster of
/// [`PrivatePostgres::temporary`] stops when it is dropped.
pub struct PrivatePostgres {
    cluster: Arc<Cluster>,
    password: SecretString,
    /// The lock that this process holds while it uses the cluster.
    usage: File,
    adopted: bool,
    watch: Option<Watch>,
    supervisor: Option<Supervisor>,
}

impl PrivatePostgres {
    /// Starts the cluster in `directory`, which is created if it does not exist, or adopts the cluster
    /// that runs there.
    ///
    /// For root, the user `postgres` or `nobody` runs it. If that user cannot enter `directory`, the
    /// cluster is under `/var/lib/spindle` instead, and the log says so.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start. The text says what to do, or ends with
    /// PostgreSQL's message.
    pub async fn start(directory: &Path, options: &Options) -> Result<Self, DevError> {
        let account = Account::find().await?;
        let data_directory = DataDirectory::prepare(directory, &account).await?;
        let _change = lock_changes(&data_directory).await?;
        let version = read_version(&data_directory)?;
        let programs = find_programs(&account, &data_directory, version.as_deref()).await?;
        let cluster = Arc::new(Cluster {
            directory: data_directory,
            programs,
            account,
        });
        if version.is_none() {
            cluster.initialise(&new_password(), options.durable).await?;
        }
        let adopted = ensure_running(&cluster, options).await?;
        let usage = lock::acquire_usage(&cluster.directory.root)?;
        let password = read_password(&cluster.directory)?;
        let postgres = Self {
            cluster,
            password,
            usage,
            adopted,
            watch: None,
            supervisor: None,
        };
        match postgres.wait_until_it_answers().await {
            Ok(()) => Ok(postgres),
            Err(error) => {
                postgres.stop_if_last().await?;
                Err(error)
            }
        }
    }

    /// From now on, starts the server again if it is killed, for example by a system without memory.
    pub fn supervise(&mut self, options: &Options) {
        let supervisor = Supervisor::start(self.cluster.clone(), options.clone());
        self.supervisor = Some(supervisor);
    }

    /// Starts a new cluster in the system's directory for temporary files. It is not durable.
    ///
    /// The cluster stops and its files are removed at [`PrivatePostgres::stop`], when it is dropped, or
    /// when this process ends, even if it is killed.
    ///
    /// # Errors
    /// The same as for [`PrivatePostgres::start`].
    pub async fn temporary() -> Result<Self, DevError> {
        let directory = std::env::temp_dir().join(format!("spindle-{}", new_password()));
        let options = Options {
            durable: false,
            max_connections: TEMPORARY_CONNECTIONS,
        };
        let started = Self::start(&directory, &options).await;
        let mut postgres = started.inspect_err(|_| {
            // Only the first error matters. A directory that stays is harmless.
            let _ = std::fs::remove_dir_all(&directory);
        })?;
        postgres.watch = Some(Watch::start(&postgres.cluster)?);
        Ok(postgres)
    }

    /// The URL of one of its databases, for the superuser. The database `postgres` always exists. psql
    /// and sqlx both accept the URL.
    pub fn url(&self, database: &str) -> SecretString {
        url(&self.cluster.directory, &self.password, database)
    }

    /// The URL of a database in the cluster that was created in `directory` before. The cluster may be
    /// stopped. `None` if there is no cluster that this user can read.
    ///
    /// It starts and creates nothing.
    pub fn existing_url(directory: &Path, database: &str) -> Option<SecretString> {
        let directory = DataDirectory::existing(directory)?;
        let password = read_password(&directory).ok()?;
        Some(url(&directory, &password, database))
    }

    /// The directory with its files.
    pub fn directory(&self) -> &Path {
        &self.cluster.directory.root
    }

    /// Whether it was already running.
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Stops the cluster, unless another process still uses it.
    ///
    /// # Errors
    /// PostgreSQL does not stop. It keeps running, and the next start adopts it.
    pub async fn stop(mut self) -> Result<(), DevError> {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.stop().await;
        }
        if let Some(watch) = self.watch {
            return watch.stop().await;
        }
        let _change = lock_changes(&self.cluster.directory).await?;
        self.stop_if_last().await
    }

    /// The caller must hold the change lock.
    async fn stop_if_last(self) -> Result<(), DevError> {
        let is_last = lock::release(self.usage, &self.cluster.directory.root).await?;
        // A server that was killed has nothing left to stop.
        if is_last && self.cluster.is_running().await {
            self.cluster.stop().await?;
        }
        Ok(())
    }

    async fn wait_until_it_answers(&self) -> Result<(), DevError> {
        let deadline = Instant::now() + Duration::from_secs(TIMEOUT_SECONDS);
        let url = self.url("postgres");
        loop {
            match PgConnection::connect(url.expose_secret()).await {
                Ok(connection) => {
                    // The server answered, so an error of closing does not matter.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) if has_code(&error, AUTHENTICATION_ERRORS) => {
                    return Err(DevError::WrongPassword {
                        path: self.cluster.directory.password(),
                    });
                }
                // The server is starting or stopping, or the socket does not exist yet.
                Err(error)
                    if Instant::now() < deadline
                        && (error.as_database_error().is_none()
                            || has_code(&error, TRANSIENT_ERRORS)) =>
                {
                    sleep(INTERVAL).await;
                }
                Err(_) => return Err(not_answering(&self.cluster)),
            }
        }
    }
}

fn url(directory: &DataDirectory, password: &SecretString, database: &str) -> SecretString {
    let (password, database) = (password.expose_secret(), percent_encode(database));
    let host = percent_encode(&directory.socket.to_string_lossy());
    format!("postgres://{ROLE}:{password}@localhost/{database}?host={host}").into()
}

/// Whether the server answered with an error whose SQLSTATE begins with one of `codes`.
fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| codes.iter().any(|begin| code.starts_with(begin)))
}

/// Starts the server unless it runs, and returns whether it was already running.
async fn ensure_running(cluster: &Cluster, options: &Options) -> Result<bool, DevError> {
    if cluster.is_running().await {
        tracing::info!("adopting the PostgreSQL server that is already running");
        return Ok(true);
    }
    let was_killed = cluster.remove_stale_files()?;
    let deadline = Instant::now() + ORPHAN_EXIT_TIMEOUT;
    while let Err(error) = cluster.start(options).await {
        // The child processes of a killed server hold its shared memory until they exit.
        if !was_killed || Instant::now() >= deadline {
            return Err(error);
        }
        sleep(INTERVAL).await;
    }
    Ok(false)
}

async fn lock_changes(directory: &DataDirectory) -> Result<File, DevError> {
    let timeout = Duration::from_secs(TIMEOUT_SECONDS);
    let held = lock::acquire_change(&directory.root, timeout).await?;
    held.ok_or_else(|| DevError::NotAnswering {
        directory: directory.root.clone(),
        output: format!("another process has been starting or stopping it for {TIMEOUT_SECONDS} s"),
    })
}

async fn find_programs(
    account: &Account,
    directory: &DataDirectory,
    version: Option<&str>,
) -> Result<Programs, DevError> {
    let found = Programs::find(account, version).await;
    found.ok_or_else(|| match version {
        None => DevError::NotInstalled,
        Some(version) => DevError::VersionMissing {
            directory: directory.root.clone(),
            version: version.to_owned(),
        },
    })
}

fn not_answering(cluster: &Cluster) -> DevError {
    DevError::NotAnswering {
        directory: cluster.directory.root.clone(),
        output: cluster.log_tail(),
    }
}

/// The major version that created the data, or `None` if there is no data yet.
fn read_version(directory: &DataDirectory) -> Result<Option<String>, DevError> {
    let file = directory.data().join("PG_VERSION");
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error("reading", &file)(error)),
    }
}

fn read_password(directory: &DataDirectory) -> Result<SecretString, DevError> {
    let file = directory.password();
    let text = std::fs::read_to_string(&file).map_err(file_error("reading", &file))?;
    Ok(text.into())
}

/// 128 random bits in hexadecimal, which needs no quoting.
fn new_password() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
