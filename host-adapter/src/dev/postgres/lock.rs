//! Several processes may use one cluster: `up`, and `migrate` beside it.
//!
//! Each holds a shared lock while it does, and whoever is the last stops the cluster. The system
//! takes a lock back when its process dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::account::failed;
use super::errors::DevError;

/// How often a lock is tried that somebody else holds.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long the use of somebody who is leaving may still be seen.
const FAREWELL: Duration = Duration::from_millis(500);

/// Held while the cluster is being started or stopped, by one process at a time.
///
/// `None` if another process holds it for all of `patience`.
pub(super) async fn change(directory: &Path, patience: Duration) -> Result<Option<File>, DevError> {
    let path = directory.join("change.lock");
    let file = open(&path)?;
    let deadline = Instant::now() + patience;
    while !taken(file.try_lock(), &path)? {
        if Instant::now() >= deadline {
            return Ok(None);
        }
        sleep(INTERVAL).await;
    }
    Ok(Some(file))
}

/// Held while the cluster is used. To be called with the lock for changes.
pub(super) fn usage(directory: &Path) -> Result<File, DevError> {
    let path = directory.join("use.lock");
    let file = open(&path)?;
    // Nobody holds it alone but with the lock for changes, which the caller has.
    taken(file.try_lock_shared(), &path)?;
    Ok(file)
}

/// Give up the use, and say whether it was the last. To be called with the lock for changes.
///
/// A program that this process is just starting holds our lock too, until it has become itself:
/// so a lock that is still held is tried for a moment.
pub(super) async fn was_last(usage: File, directory: &Path) -> Result<bool, DevError> {
    drop(usage);
    let path = directory.join("use.lock");
    let file = open(&path)?;
    let deadline = Instant::now() + FAREWELL;
    while !taken(file.try_lock(), &path)? {
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
    options.open(path).map_err(failed("opening", path))
}

fn taken(result: Result<(), TryLockError>, path: &Path) -> Result<bool, DevError> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(failed("locking", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_user_is_the_last() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (
            usage(directory.path()).unwrap(),
            usage(directory.path()).unwrap(),
        );
        assert!(!was_last(one, directory.path()).await.unwrap());
        assert!(was_last(other, directory.path()).await.unwrap());
    }

    #[tokio::test]
    async fn changes_wait_for_each_other_but_not_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let held = change(directory.path(), Duration::ZERO).await.unwrap();
        assert!(held.is_some());
        assert!(
            change(directory.path(), Duration::from_millis(1))
                .await
                .unwrap()
                .is_none()
        );
        drop(held);
        assert!(
            change(directory.path(), Duration::ZERO)
                .await
                .unwrap()
                .is_some()
        );
    }
}
