//! Generates keys.

use std::path::Path;
use std::time::Duration;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::super::clock::unix_now;
use super::super::errors::KeyError;
use super::directory::{self, Lock};
use super::jwk::Key;
use super::lifetime;

/// Generates a development key for each of these owners that has no key.
///
/// The directory is read again under the lock, so that of two processes that start at once the second
/// uses the keys of the first.
pub(super) fn generate_missing(directory: &Path, owners: &[&str]) -> Result<(), KeyError> {
    let _lock = Lock::acquire(directory)?;
    let files = directory::read_keys(directory)?;
    for owner in super::owners_without_key(owners, &files) {
        let key = create_key(directory, owner, unix_now(), None, true)?;
        tracing::info!(
            key.id = key.kid(),
            "generated a development key for `{owner}`"
        );
    }
    Ok(())
}

/// Generates a key that is active at once. It is newer than all active keys of its owner, even within one
/// second. A key that is still to become active stays so.
pub(super) fn generate_key(
    directory: &Path,
    owner: &str,
    development: bool,
) -> Result<Key, KeyError> {
    let _lock = Lock::acquire(directory)?;
    let now = unix_now();
    let files = directory::read_keys(directory)?;
    let others = files.iter().filter(|file| file.key.owner() == owner);
    let active = others.filter(|file| file.key.active_from().is_none_or(|from| from <= now));
    let newest = active.map(|file| lifetime::begins(&file.key)).max();
    let created = newest.map_or(0, |newest| newest.saturating_add(1)).max(now);
    create_key(directory, owner, created, None, development)
}

/// Generates a key that becomes active `after` a time in which every adapter reads it.
pub(super) fn generate_successor(
    directory: &Path,
    owner: &str,
    development: bool,
    after: Duration,
) -> Result<Key, KeyError> {
    let _lock = Lock::acquire(directory)?;
    let now = unix_now();
    let files = directory::read_keys(directory)?;
    let mut others = files.iter().filter(|file| file.key.owner() == owner);
    if let Some(upcoming) =
        others.find(|file| file.key.active_from().is_some_and(|from| from > now))
    {
        return Err(KeyError::Upcoming {
            owner: owner.to_owned(),
            kid: upcoming.key.kid().to_owned(),
        });
    }
    let active_from = now.saturating_add(after.as_secs());
    create_key(directory, owner, now, Some(active_from), development)
}

fn create_key(
    directory: &Path,
    owner: &str,
    created: u64,
    active_from: Option<u64>,
    development: bool,
) -> Result<Key, KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut()).map_err(KeyError::Random)?;
    let kid = format!("{owner}-{}", Uuid::now_v7().simple());
    let key = Key::new(kid, owner, created, active_from, development, secret);
    directory::write_key(directory, &key)?;
    Ok(key)
}
