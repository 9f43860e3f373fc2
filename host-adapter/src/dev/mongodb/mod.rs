//! A private MongoDB: the machine's own `mongod`. For laptops and tests: it asks for no password, and
//! listens on the loopback address only.
//!
//! Unlike the private PostgreSQL it always ends with its starter, even by a signal that cannot be
//! caught: starting it again costs nothing, and its port is a new one each time.

mod errors;
mod process;
mod program;

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    net::TcpListener,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use mongodb::{Client, bson::doc};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

pub use errors::MongoDbError;
use process::Process;

/// Time for a server to answer. After a crash, it recovers its files first.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause between attempts to reach a server that is starting.
const INTERVAL: Duration = Duration::from_millis(50);

/// Time for a child process that is being started to close its copy of the lock of a server that has just ended.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

/// Attempts to start a server. Another process may take the free port before the server does.
const ATTEMPTS: u32 = 3;

/// How a private MongoDB is run.
#[derive(Clone, Debug, Default)]
pub struct MongoDbOptions {
    /// The program to start; by default the first `mongod` in the path.
    pub program: Option<PathBuf>,
    /// A port to listen on, such as that of a server which a test killed; else a free one.
    pub port: Option<u16>,
    /// Whether its files are removed when it stops.
    pub temporary: bool,
}

/// A running server, for as long as this process lives and keeps it.
#[derive(Debug)]
pub struct PrivateMongoDb {
    process: Process,
    port: u16,
    /// Held for as long as it runs: two servers would destroy each other's files.
    _lock: File,
}

impl PrivateMongoDb {
    /// Starts a server on the data in `directory`, made if need be, and waits for its answer.
    ///
    /// # Errors
    ///
    /// There is no program for it, another process uses the directory, or the server does not start;
    /// the text says what to do, or ends with the server's own words.
    pub async fn start(directory: &Path, options: &MongoDbOptions) -> Result<Self, MongoDbError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = options.program.clone().or_else(|| program::find(&path));
        let program = program.ok_or(MongoDbError::NotInstalled)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed("creating", directory))?;
        let lock = lock(directory).await?;
        let mut attempt = 1;
        loop {
            let port = match options.port {
                Some(port) => port,
                None => free_port().map_err(failed("finding a port for", directory))?,
            };
            let process = Process::start(&program, directory, port, options.temporary)?;
            match answer(process, port, directory).await {
                Ok(process) => {
                    return Ok(Self {
                        process,
                        port,
                        _lock: lock,
                    });
                }
                Err(error) if options.port.is_some() || attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// The URL of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> SecretString {
        format!("mongodb://127.0.0.1:{}/{database}", self.port).into()
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Stops the server and waits for its end.
    pub async fn stop(self) {
        // Waiting for a process blocks.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

async fn answer(
    mut process: Process,
    port: u16,
    directory: &Path,
) -> Result<Process, MongoDbError> {
    let not_answering = |process: &Process| MongoDbError::NotAnswering {
        directory: directory.to_owned(),
        output: process.log_tail(),
    };
    let url =
        format!("mongodb://127.0.0.1:{port}/?directConnection=true&serverSelectionTimeoutMS=1000");
    let Ok(client) = Client::with_uri_str(&url).await else {
        return Err(not_answering(&process));
    };
    let database = client.database("admin");
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if database.run_command(doc! { "ping": 1 }).await.is_ok() {
            client.shutdown().immediate(true).await;
            return Ok(process);
        }
        if process.has_ended() || Instant::now() >= deadline {
            return Err(not_answering(&process));
        }
        sleep(INTERVAL).await;
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A child process that is being started holds copies of locks until it calls `exec`. A lock that is held is therefore
/// tried again for [`RELEASE_TIMEOUT`].
async fn lock(directory: &Path) -> Result<File, MongoDbError> {
    let path = directory.join("use.lock");
    let file = File::create(&path).map_err(failed("opening", &path))?;
    let deadline = Instant::now() + RELEASE_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(INTERVAL).await,
            Err(TryLockError::WouldBlock) => {
                return Err(MongoDbError::InUse {
                    directory: directory.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("locking", &path)(error)),
        }
    }
}

/// For `map_err`: the failure of doing something with a file.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MongoDbError {
    let path = path.to_owned();
    move |source| MongoDbError::Files {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_that_is_released_soon_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let held = lock(directory.path()).await.unwrap();
        let release = async {
            sleep(INTERVAL).await;
            drop(held);
        };
        // On a busy machine both may have slept for longer, so the release comes first.
        let ((), taken) = tokio::join!(biased; release, lock(directory.path()));
        let _taken = taken.unwrap();
        let second = lock(directory.path()).await;
        assert!(matches!(second, Err(MongoDbError::InUse { .. })));
    }
}
