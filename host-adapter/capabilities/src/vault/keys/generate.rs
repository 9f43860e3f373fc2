//! Making new keys.

use std::path::Path;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::super::clock::unix_now;
use super::super::errors::KeyError;
use super::directory::{self, Lock};
use super::jwk::Key;

/// Make a development key for each of these owners that has none.
///
/// Looking again under the lock is what lets two processes start at once: the second finds the
/// keys of the first.
pub(super) fn if_still_missing(directory: &Path, owners: &[&str]) -> Result<(), KeyError> {
    let _lock = Lock::take(directory)?;
    let files = directory::read(directory)?;
    for owner in super::missing(owners, &files) {
        let key = store(directory, owner, unix_now(), true)?;
        tracing::info!(
            key.id = key.kid(),
            "generated a development key for `{owner}`"
        );
    }
    Ok(())
}

/// Make a key that is newer than all others of its owner, even within one second.
pub(super) fn key(directory: &Path, owner: &str, development: bool) -> Result<Key, KeyError> {
    let _lock = Lock::take(directory)?;
    let newest = directory::read(directory)?
        .iter()
        .filter(|file| file.key.owner() == owner)
        .map(|file| file.key.created())
        .max();
    let created = newest
        .map_or(0, |newest| newest.saturating_add(1))
        .max(unix_now());
    store(directory, owner, created, development)
}

fn store(directory: &Path, owner: &str, created: u64, development: bool) -> Result<Key, KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut()).map_err(KeyError::Random)?;
    let kid = format!("{owner}-{}", Uuid::now_v7().simple());
    let key = Key::new(kid, owner, created, development, secret);
    directory::write(directory, &key)?;
    Ok(key)
}
