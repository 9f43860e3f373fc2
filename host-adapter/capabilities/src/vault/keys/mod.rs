//! The key ring: the keys of all owners, and what each may be used for.
//!
//! Keys are JWK files (RFC 7517) in one directory, one key per file. The newest key of an owner is
//! active. An older key only opens and verifies, for a period after its successor was created
//! ([`Policy::old_keys_readable_for`]).
//!
//! Missing keys are generated in development, but not in production. A production host with a generated
//! key would start, but could not open the envelopes of its peers.

mod directory;
mod generate;
mod jwk;
mod lifetime;
mod names;
mod settings;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use zeroize::Zeroizing;

use self::directory::KeyFile;
use self::jwk::Key;
use super::clock::unix_now;
use super::errors::KeyError;

pub use self::lifetime::{KeyInfo, KeyState};
pub use self::names::{CLIENT, KeyKind, ROLES, TOKENS};
pub use self::settings::{DEFAULT_OLD_KEYS_READABLE_FOR, KeySettings, Policy};

/// A key that has not expired.
pub(super) struct RingKey {
    pub(super) key: Key,
    /// The last second at which the key opens and verifies. `None` for an active key.
    pub(super) readable_until: Option<u64>,
}

/// The keys of the services and callers that this adapter exchanges envelopes with or signs for.
///
/// Key bytes are overwritten when the ring is dropped. `Debug` prints only key ids.
pub struct KeyRing {
    /// Newest first within an owner. Contains at least one key of every owner passed to [`Self::load`].
    keys: Vec<RingKey>,
    roles: Key,
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
        let mut files = directory::read_keys(directory)?;
        let missing = owners_without_key(&required, &files);
        if let Some(owner) = missing.first() {
            if policy.production {
                return Err(KeyError::Missing {
                    owner: (*owner).to_owned(),
                    directory: directory.to_owned(),
                });
            }
            generate::generate_missing(directory, &missing)?;
            files = directory::read_keys(directory)?;
        }
        Self::from_files(directory, files, &required, policy)
    }

    /// Generates a key for `owner` in `directory`, which is created if it is missing. The key is the
    /// owner's active key from the next start on.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for a name that cannot own a key, a failed file operation or a failure of the random
    /// number generator.
    pub fn generate(directory: &Path, owner: &str, development: bool) -> Result<KeyInfo, KeyError> {
        names::check_owner(owner)?;
        let key = generate::generate_key(directory, owner, development)?;
        Ok(KeyInfo::new(&key, KeyState::Active))
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
        let keys =
            lifetime::with_readable_until(directory::read_keys(directory)?, old_keys_readable_for);
        let now = unix_now();
        Ok(keys
            .iter()
            .map(|(file, readable_until)| {
                KeyInfo::new(&file.key, KeyState::at(*readable_until, now))
            })
            .collect())
    }

    /// Derives a secret for another part of the adapter, such as the password of a database role.
    ///
    /// The secret is the HMAC-SHA-256 of `purpose` with the newest key of [`ROLES`], as 64 hexadecimal
    /// digits. The same purpose gives the same secret until that key is replaced.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> SecretString {
        let mut mac = self.roles_mac();
        // The prefix separates these secrets from other uses of the same key.
        mac.update(b"spindle/derive/");
        mac.update(purpose.as_bytes());
        SecretString::from(hex::encode(mac.finalize().into_bytes()))
    }

    /// All keys of one kind that have not expired.
    pub(super) fn keys_of_kind(&self, kind: KeyKind) -> impl Iterator<Item = &RingKey> {
        self.keys
            .iter()
            .filter(move |ring_key| ring_key.key.kind() == kind)
    }

    fn roles_mac(&self) -> Hmac<Sha256> {
        // HMAC pads a key with zeros to its block size (RFC 2104). Padding it here allows the use of the
        // constructor that cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(self.roles.secret()) {
            *to = *from;
        }
        Hmac::<Sha256>::new((&*block).into())
    }

    fn from_files(
        directory: &Path,
        files: Vec<KeyFile>,
        required: &[&str],
        policy: &Policy,
    ) -> Result<Self, KeyError> {
        let now = unix_now();
        let mut keys = Vec::new();
        let mut roles = None;
        for (file, readable_until) in
            lifetime::with_readable_until(files, policy.old_keys_readable_for)
        {
            let readable = KeyState::at(readable_until, now) != KeyState::Expired;
            if !readable || !required.contains(&file.key.owner()) {
                continue;
            }
            if policy.production && file.key.development() {
                return Err(KeyError::Development {
                    owner: file.key.owner().to_owned(),
                    path: file.path,
                });
            }
            if file.key.kind() != KeyKind::Derivation {
                keys.push(RingKey {
                    key: file.key,
                    readable_until,
                });
            } else if roles.is_none() {
                roles = Some(file.key);
            }
        }
        // Only possible if a file was deleted since the owners were checked.
        let roles = roles.ok_or_else(|| KeyError::Missing {
            owner: ROLES.to_owned(),
            directory: directory.to_owned(),
        })?;
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
