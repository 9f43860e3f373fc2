//! The key ring: the keys of all owners, and what each may be used for.
//!
//! Keys are JWK files (RFC 7517) in one directory, one key per file. The newest key of an owner is
//! active, unless it says that it is to become so later (`active_from`). An older key only opens and
//! verifies, for a period after its successor has become active ([`Policy::old_keys_readable_for`]). A
//! [`KeyWatcher`] takes up keys that are added while the adapter runs.
//!
//! Missing keys are generated in development, but not in production. A production host with a generated
//! key would start, but could not open the envelopes of its peers.

mod directory;
#[cfg(test)]
mod fuzz;
mod generate;
mod jwk;
mod lifetime;
mod names;
mod roles;
mod seals;
mod settings;
mod watcher;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use self::directory::KeyFile;
use self::jwk::Key;
use super::clock::unix_now;
use super::errors::KeyError;

pub use self::directory::is_private;
pub(super) use self::lifetime::Period;
pub use self::lifetime::{KeyInfo, KeyState};
pub use self::names::{ANSWERS, CLIENT, KeyKind, ROLES, TOKENS};
pub use self::roles::DerivedSecret;
pub use self::seals::{MAX_SEALS, SealCounts, WARN_SEALS};
pub use self::settings::{DEFAULT_OLD_KEYS_READABLE_FOR, KeySettings, Policy};
pub use self::watcher::KeyWatcher;

/// A key that has not expired.
pub(super) struct RingKey {
    pub(super) key: Key,
    pub(super) period: Period,
}

/// The keys of the services and callers that this adapter exchanges envelopes with or signs for.
///
/// Key bytes are overwritten when the ring is dropped. `Debug` prints only key ids.
pub struct KeyRing {
    /// Newest first within an owner. Contains at least one key of every owner passed to [`Self::load`].
    keys: Vec<RingKey>,
    /// The keys of [`ROLES`], newest first. Expired ones are here too, because a role of a database has the
    /// password of its key until that is deleted.
    roles: Vec<RingKey>,
}

impl KeyRing {
    /// Reads the envelope keys of `owners` (services and outside callers), the signing key of
    /// [`TOKENS`] and the derivation key of [`ROLES`].
    ///
    /// Outside of production, missing keys are generated and marked as development keys. Processes
    /// that do this at the same time load the same keys.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if a key file can be read by other users, is not a valid key or holds a weak key.
    /// In production also if a key is missing or is a development key. The error names the file or
    /// the owner.
    pub fn load(directory: &Path, owners: &[&str], policy: &Policy) -> Result<Self, KeyError> {
        let required = names::required_owners(owners)?;
        let missing = owners_without_key(&required, &directory::read_keys(directory)?);
        if !missing.is_empty() && !policy.production {
            generate::generate_missing(directory, &missing)?;
        }
        Self::read(directory, owners, policy)
    }

    /// Like [`KeyRing::load`], but generates nothing.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::load`], and [`KeyError::Missing`] outside of production, too.
    pub fn read(directory: &Path, owners: &[&str], policy: &Policy) -> Result<Self, KeyError> {
        let required = names::required_owners(owners)?;
        let files = directory::read_keys(directory)?;
        if let Some(owner) = owners_without_key(&required, &files).first() {
            return Err(KeyError::Missing {
                owner: (*owner).to_owned(),
                directory: directory.to_owned(),
            });
        }
        Self::from_files(directory, files, &required, policy)
    }

    /// Generates a key for `owner` in `directory`, which is created if it is missing. The key is active at
    /// once, so an adapter that has not read it yet rejects what it seals. [`KeyRing::rotate`] avoids that.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for a name that cannot own a key, a failed file operation or a failure of the random
    /// number generator.
    pub fn generate(directory: &Path, owner: &str, development: bool) -> Result<KeyInfo, KeyError> {
        names::check_owner(owner)?;
        let key = generate::generate_key(directory, owner, development)?;
        Self::info(directory, key.kid())
    }

    /// Generates the successor of `owner`'s active key. Adapters read it at once, and use it `after` that
    /// time.
    ///
    /// # Errors
    ///
    /// Those of [`KeyRing::generate`], and [`KeyError::Upcoming`] if the owner has such a key already.
    pub fn rotate(
        directory: &Path,
        owner: &str,
        development: bool,
        after: Duration,
    ) -> Result<KeyInfo, KeyError> {
        names::check_owner(owner)?;
        let key = generate::generate_successor(directory, owner, development, after)?;
        Self::info(directory, key.kid())
    }

    fn info(directory: &Path, kid: &str) -> Result<KeyInfo, KeyError> {
        let keys = Self::list(directory, DEFAULT_OLD_KEYS_READABLE_FOR)?;
        let found = keys.into_iter().find(|key| key.kid == kid);
        // Only possible if the file was deleted meanwhile.
        found.ok_or_else(|| KeyError::Missing {
            owner: kid.to_owned(),
            directory: directory.to_owned(),
        })
    }

    /// Lists all keys in `directory` by owner, newest first. A missing directory has no keys.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for the first file that [`KeyRing::load`] rejects under any policy.
    pub fn list(
        directory: &Path,
        old_keys_readable_for: Duration,
    ) -> Result<Vec<KeyInfo>, KeyError> {
        let keys = lifetime::with_periods(directory::read_keys(directory)?, old_keys_readable_for);
        let now = unix_now();
        let infos = keys.iter();
        let infos = infos.map(|(file, period)| KeyInfo::new(&file.key, period, now));
        Ok(infos.collect())
    }

    /// What changes when a key is added, removed or changed: the ids and periods of all keys.
    pub(super) fn contents(&self) -> Vec<(String, Period)> {
        let keys = self.keys.iter().chain(&self.roles);
        keys.map(|one| (one.key.kid().to_owned(), one.period))
            .collect()
    }

    /// All keys of one kind that have not expired.
    pub(super) fn keys_of_kind(&self, kind: KeyKind) -> impl Iterator<Item = &RingKey> {
        self.keys
            .iter()
            .filter(move |ring_key| ring_key.key.kind() == kind)
    }

    fn from_files(
        directory: &Path,
        files: Vec<KeyFile>,
        required: &[&str],
        policy: &Policy,
    ) -> Result<Self, KeyError> {
        let now = unix_now();
        let (mut keys, mut roles) = (Vec::new(), Vec::new());
        for (file, period) in lifetime::with_periods(files, policy.old_keys_readable_for) {
            let KeyFile { key, path } = file;
            let derives = key.kind() == KeyKind::Derivation;
            let readable = period.is_readable(now);
            if !required.contains(&key.owner()) || !(readable || derives) {
                continue;
            }
            if policy.production && key.development() {
                if !readable {
                    continue;
                }
                return Err(KeyError::Development {
                    owner: key.owner().to_owned(),
                    path,
                });
            }
            let list = if derives { &mut roles } else { &mut keys };
            list.push(RingKey { key, period });
        }
        // Only possible if a file was deleted since the owners were checked.
        if roles.is_empty() {
            return Err(KeyError::Missing {
                owner: ROLES.to_owned(),
                directory: directory.to_owned(),
            });
        }
        Ok(Self { keys, roles })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids = self.keys.iter().map(|ring_key| ring_key.key.kid());
        formatter.debug_list().entries(kids).finish()
    }
}

/// The required owners that have no key in `files`.
fn owners_without_key<'a>(required: &[&'a str], files: &[KeyFile]) -> Vec<&'a str> {
    required
        .iter()
        .copied()
        .filter(|owner| !files.iter().any(|file| file.key.owner() == *owner))
        .collect()
}

#[cfg(test)]
mod tests;
