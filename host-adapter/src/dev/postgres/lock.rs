//! Locks for processes that share one cluster, such as `up` and `migrate`.
//!
//! Each process holds a shared lock while it uses the cluster, and the last one stops the cluster. The
//! system releases a lock when its process ends, even if it is killed.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::account::file_error;
use super::errors::DevError;

/// Pause between attempts to take a lock that another process holds.
const INTERVAL: Duration = Duration::from_millis(50);

/// Time for a child process that is being started to close its copy of the usage lock.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

/// Acquires the exclusive lock for starting or stopping the cluster.
///
/// Returns `None` if another process holds it for longer than `timeout`.
pub(super) async fn acquire_change(
    directory: &Path,
    timeout: Duration,
) -> Result<Option<File>, DevError> {
    let path = directory.join("change.lock");
    let file = open(&path)?;
    let deadline = Instant::now() + timeout;
    while !is_acquired(file.try_lock(), &path)? {
        if Instant::now() >= deadline {
            return Ok(None);
        }
        sleep(INTERVAL).await;
    }
    Ok(Some(file))
}

/// Acquires the shared lock for using the cluster. The caller must hold the change lock.
pub(super) fn acquire_usage(directory: &Path) -> Result<File, DevError> {
    let path = directory.join("use.lock");
    let file = open(&path)?;
    // This succeeds: only a holder of the change lock takes this lock exclusively.
    is_acquired(file.try_lock_shared(), &path)?;
    Ok(file)
}

/// Releases the usage lock, and returns whether it was the last. The caller must hold the change lock.
///
/// A child process that is being started holds a copy of the lock until it calls `exec`. A lock that
/// is still held is therefore tried again for [`RELEASE_TIMEOUT`].
pub(super) async fn release(usage: File, directory: &Path) -> Result<bool, DevError> {
    drop(usage);
    let path = directory.join("use.lock");
    let file = open(&path)?;
    let deadline = Instant::now() + RELEASE_TIMEOUT;
    while !is_acquired(file.try_lock(), &path)? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(INTERVAL).await;
    }
    Ok(true)
}

fn open(path: &Path) -> Result<File, DevError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    options.open(path).map_err(file_error("opening", path))
}

fn is_acquired(result: Result<(), TryLockError>, path: &Path) -> Result<bool, DevError> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(file_error("locking", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_last_release_is_reported_as_last() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (
            acquire_usage(directory.path()).unwrap(),
            acquire_usage(directory.path()).unwrap(),
        );
        assert!(!release(one, directory.path()).await.unwrap());
        assert!(release(other, directory.path()).await.unwrap());
    }

    #[tokio::test]
    async fn change_lock_is_exclusive_and_times_out() {
        let directory = tempfile::tempdir().unwrap();
        let held = acquire_change(directory.path(), Duration::ZERO)
            .await
            .unwrap();
        assert!(held.is_some());
        assert!(
            acquire_change(directory.path(), Duration::from_millis(1))
                .await
                .unwrap()
                .is_none()
        );
        drop(held);
        // A child process that another test is starting may have a copy of the lock.
        assert!(
            acquire_change(directory.path(), Duration::from_secs(30))
                .await
                .unwrap()
                .is_some()
        );
    }
}
