//! The key ring: which key seals, which ones may still open, and which refuse the start.
//!
//! Keys are JWK files (RFC 7517), one a key, in one directory. Of each owner the newest key is
//! active; an older one only opens and verifies, until the key that followed it has been in use
//! for a window ([`Policy::old_keys_readable_for`]).
//!
//! The hard decision: on a laptop missing keys are generated, in production never. A production
//! host that made up a key would start, and then understand none of its peers.

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

/// A key in use and when it stops to be.
pub(super) struct RingKey {
    pub(super) key: Key,
    /// The last second at which it opens and verifies. None for an active key.
    pub(super) readable_until: Option<u64>,
}

/// The keys of everyone this adapter seals for or listens to.
///
/// Key bytes are overwritten when the ring is dropped, and `Debug` prints key ids only.
pub struct KeyRing {
    /// Newest first within an owner; never empty for an owner that was asked for.
    keys: Vec<RingKey>,
    roles: Key,
}

impl KeyRing {
    /// Read the keys of `owners` (services and outside callers, each with an envelope key), the
    /// signing key of [`TOKENS`] and the derivation key of [`ROLES`].
    ///
    /// Missing keys are generated and marked as development keys unless the policy is for
    /// production. Processes that do so at the same time end with the same keys.
    ///
    /// # Errors
    ///
    /// In production a missing or development key; always a file that others can read, that is
    /// no key, or that holds a weak one. Each error names the file or owner and what to do.
    pub fn load(directory: &Path, owners: &[&str], policy: &Policy) -> Result<Self, KeyError> {
        let wanted = names::wanted(owners)?;
        let mut files = directory::read(directory)?;
        let missing = missing(&wanted, &files);
        if let Some(owner) = missing.first() {
            if policy.production {
                return Err(KeyError::Missing {
                    owner: (*owner).to_owned(),
                    directory: directory.to_owned(),
                });
            }
            generate::if_still_missing(directory, &missing)?;
            files = directory::read(directory)?;
        }
        Self::from_files(directory, files, &wanted, policy)
    }

    /// Make a key for `owner` in `directory`, which is created if need be. It is the owner's
    /// active key from the next start on.
    ///
    /// # Errors
    ///
    /// A name that cannot own a key, or what the file system or the random source refuses.
    pub fn generate(directory: &Path, owner: &str, development: bool) -> Result<KeyInfo, KeyError> {
        names::check(owner)?;
        let key = generate::key(directory, owner, development)?;
        Ok(KeyInfo::new(&key, KeyState::Active))
    }

    /// All keys in `directory` by owner, newest first, with what they are still good for. An
    /// absent directory has none.
    ///
    /// # Errors
    ///
    /// The first file that [`KeyRing::load`] would refuse whatever the policy.
    pub fn list(
        directory: &Path,
        old_keys_readable_for: Duration,
    ) -> Result<Vec<KeyInfo>, KeyError> {
        let keys = lifetime::with_ends(directory::read(directory)?, old_keys_readable_for);
        let now = unix_now();
        Ok(keys
            .iter()
            .map(|(file, until)| KeyInfo::new(&file.key, KeyState::at(*until, now)))
            .collect())
    }

    /// A secret for another part of the adapter, such as the password of a database role:
    /// HMAC-SHA-256 of `purpose` under the newest key of [`ROLES`], as 64 hexadecimal digits. The
    /// same purpose gives the same secret until that key is replaced.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> SecretString {
        let mut mac = self.roles_mac();
        // The prefix keeps these secrets apart from any later use of the same key.
        mac.update(b"spindle/derive/");
        mac.update(purpose.as_bytes());
        SecretString::from(hex::encode(mac.finalize().into_bytes()))
    }

    /// Every key of one kind that still opens or verifies.
    pub(super) fn of_kind(&self, kind: KeyKind) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(move |ring| ring.key.kind() == kind)
    }

    fn roles_mac(&self) -> Hmac<Sha256> {
        // HMAC itself fills a key up to its block size with zeros (RFC 2104); doing so here takes
        // the form of the constructor that cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(self.roles.secret()) {
            *to = *from;
        }
        Hmac::<Sha256>::new((&*block).into())
    }

    fn from_files(
        directory: &Path,
        files: Vec<KeyFile>,
        wanted: &[&str],
        policy: &Policy,
    ) -> Result<Self, KeyError> {
        let now = unix_now();
        let mut keys = Vec::new();
        let mut roles = None;
        for (file, readable_until) in lifetime::with_ends(files, policy.old_keys_readable_for) {
            let readable = KeyState::at(readable_until, now) != KeyState::Expired;
            if !readable || !wanted.contains(&file.key.owner()) {
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
        // Only a file that vanished between two readings can bring this about.
        let roles = roles.ok_or_else(|| KeyError::Missing {
            owner: ROLES.to_owned(),
            directory: directory.to_owned(),
        })?;
        Ok(Self { keys, roles })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids = self.keys.iter().map(|ring| ring.key.kid());
        formatter.debug_list().entries(kids).finish()
    }
}

/// Which of the wanted owners have no key at all.
fn missing<'a>(wanted: &[&'a str], files: &[KeyFile]) -> Vec<&'a str> {
    wanted
        .iter()
        .copied()
        .filter(|owner| !files.iter().any(|file| file.key.owner() == *owner))
        .collect()
}

#[cfg(test)]
mod tests;
