//! Secrets that are derived from the keys of [`ROLES`](super::ROLES).

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::clock::unix_now;
use super::jwk::Key;
use super::{KeyRing, KeyState, RingKey};

/// A secret, and the key that it is derived from. `Debug` does not show it.
#[derive(Debug)]
pub struct DerivedSecret {
    /// The id of the key.
    pub kid: String,
    /// The HMAC-SHA-256 of the purpose with the key, as 64 hexadecimal digits.
    pub secret: SecretString,
}

impl KeyRing {
    /// Derives a secret for another part of the adapter, such as the password of a database role, from each
    /// key of [`ROLES`](super::ROLES): the active key first, then the others, newest first.
    ///
    /// The same purpose and key give the same secret.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Vec<DerivedSecret> {
        let now = unix_now();
        let active = |one: &&RingKey| one.period.state(now) == KeyState::Active;
        let (active, others): (Vec<_>, Vec<_>) = self.roles.iter().partition(active);
        let derived = |one: &RingKey| DerivedSecret {
            kid: one.key.kid().to_owned(),
            secret: derive(&one.key, purpose),
        };
        active.into_iter().chain(others).map(derived).collect()
    }
}

fn derive(key: &Key, purpose: &str) -> SecretString {
    // HMAC pads a key with zeros to its block size (RFC 2104). Padding it here allows the use of the
    // constructor that cannot fail.
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key.secret()) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    // The prefix separates these secrets from other uses of the same key.
    mac.update(b"spindle/derive/");
    mac.update(purpose.as_bytes());
    SecretString::from(hex::encode(mac.finalize().into_bytes()))
}
