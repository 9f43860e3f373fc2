//! How many envelopes each key has sealed, in the file `.seals` of a directory: that of the keys, or
//! another one if the program cannot write to that.
//!
//! Nonces are 96 random bits, so one key may seal 2^32 envelopes (NIST SP 800-38D, section 8.3). Adapters
//! that share the directory add to one number. It is written at intervals, so an adapter that is killed
//! loses those of the last seconds.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::super::errors::KeyError;
use super::directory::{self, Lock};

/// The envelopes that one key may seal.
pub const MAX_SEALS: u64 = 1 << 32;

/// The number at which an operator is warned: a quarter. A key that seals 2,000 envelopes a second has
/// two and a half weeks left then.
pub const WARN_SEALS: u64 = MAX_SEALS / 4;

const FILE: &str = ".seals";

/// The largest file. A thousand keys need 70 KB.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Sealed envelopes, by key id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealCounts(BTreeMap<String, u64>);

impl From<BTreeMap<String, u64>> for SealCounts {
    fn from(sealed: BTreeMap<String, u64>) -> Self {
        Self(sealed)
    }
}

impl SealCounts {
    /// Reads the numbers of a directory. They are empty if nothing was counted yet.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the file cannot be read or is not valid.
    pub fn read(directory: &Path) -> Result<Self, KeyError> {
        let path = directory.join(FILE);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            result => result.map_err(directory::io_error("read", &path))?,
        };
        let mut json = Vec::new();
        file.take(MAX_FILE_BYTES)
            .read_to_end(&mut json)
            .map_err(directory::io_error("read", &path))?;
        serde_json::from_slice(&json)
            .map(Self)
            .map_err(|_| KeyError::Invalid {
                reason: "does not have the number of sealed envelopes by key; delete it".to_owned(),
                path,
            })
    }

    /// Adds `sealed` to the numbers of a directory, and returns all. Numbers of keys that are gone from
    /// `keys`, the key directory, are dropped.
    pub(super) fn add(
        directory: &Path,
        keys: &Path,
        sealed: &BTreeMap<String, u64>,
    ) -> Result<Self, KeyError> {
        let _lock = Lock::acquire(directory)?;
        let mut counts = Self::read(directory)?;
        for (kid, sealed) in sealed {
            let count = counts.0.entry(kid.clone()).or_default();
            *count = count.saturating_add(*sealed);
        }
        let keys = directory::read_keys(keys)?;
        counts
            .0
            .retain(|kid, _| keys.iter().any(|file| file.key.kid() == kid));
        let (path, unfinished) = (directory.join(FILE), directory.join(".seals.unfinished"));
        let json = serde_json::to_vec(&counts.0).unwrap_or_default();
        fs::write(&unfinished, json)
            .and_then(|()| fs::rename(&unfinished, &path))
            .map_err(directory::io_error("write", &path))?;
        Ok(counts)
    }

    /// The envelopes that a key has sealed.
    #[must_use]
    pub fn of(&self, kid: &str) -> u64 {
        self.0.get(kid).copied().unwrap_or(0)
    }

    /// The keys that should be rotated.
    pub(super) fn used_up(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.0.iter().map(|(kid, count)| (kid.as_str(), *count));
        counts.filter(|(_, count)| *count >= WARN_SEALS)
    }
}
