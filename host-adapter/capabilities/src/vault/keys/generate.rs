//! Generates keys.

use std::path::Path;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::super::clock::unix_now;
use super::super::errors::KeyError;
use super::directory::{self, Lock};
use super::jwk::Key;

/// Generates a development key for each of these owners that has no key.
///
/// The directory is read again under the lock, so that of two processes that start at once the second
/// uses the keys of the first.
pub(super) fn generate_missing(directory: &Path, owners: &[&str]) -> Result<(), KeyError> {
    let _lock = Lock::acquire(directory)?;
    let files = directory::read_keys(directory)?;
    for owner in super::owners_without_key(owners, &files) {
        let key = create_key(directory, owner, unix_now(), true)?;
        tracing::info!(
            key.id = key.kid(),
            "generated a development key for `{owner}`"
        );
    }
    Ok(())
}

/// Generates a key that is newer than all other keys of its owner, even within one second.
pub(super) fn generate_key(
    directory: &Path,
    owner: &str,
    development: bool,
) -> Result<Key, KeyError> {
    let _lock = Lock::acquire(directory)?;
    let newest = directory::read_keys(directory)?
        .iter()
        .filter(|file| file.key.owner() == owner)
        .map(|file| file.key.created())
        .max();
    let created = newest
        .map_or(0, |newest| newest.saturating_add(1))
        .max(unix_now());
    create_key(directory, owner, created, development)
}

fn create_key(
    directory: &Path,
    owner: &str,
    created: u64,
    development: bool,
) -> Result<Key, KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut()).map_err(KeyError::Random)?;
    let kid = format!("{owner}-{}", Uuid::now_v7().simple());
    let key = Key::new(kid, owner, created, development, secret);
    directory::write_key(directory, &key)?;
    Ok(key)
}
