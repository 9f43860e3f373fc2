//! The lifetime of a key: it is active while it is its owner's newest key, and readable for a period
//! after that.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::directory::KeyFile;
use super::jwk::Key;
use super::names::KeyKind;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// The key seals, signs, opens and verifies.
    Active,
    /// A newer key has replaced it. It only opens and verifies.
    ReadOnly,
    /// The key is ignored, and its file can be deleted.
    Expired,
}

impl fmt::Display for KeyState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Active => "active",
            Self::ReadOnly => "read-only",
            Self::Expired => "expired",
        })
    }
}

impl KeyState {
    /// The state at `now` of a key that is readable until `readable_until`.
    pub(in super::super) fn at(readable_until: Option<u64>, now: u64) -> Self {
        match readable_until {
            None => Self::Active,
            Some(until) if now <= until => Self::ReadOnly,
            Some(_) => Self::Expired,
        }
    }
}

/// The public properties of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's id, which is also the name of its file.
    pub kid: String,
    /// The owner of the key.
    pub owner: String,
    /// What the key is for.
    pub kind: KeyKind,
    /// When the key was generated, in seconds since 1970.
    pub created: u64,
    /// Whether this is a development key, which is rejected in production.
    pub development: bool,
    /// What the key may be used for.
    pub state: KeyState,
}

impl KeyInfo {
    pub(super) fn new(key: &Key, state: KeyState) -> Self {
        Self {
            kid: key.kid().to_owned(),
            owner: key.owner().to_owned(),
            kind: key.kind(),
            created: key.created(),
            development: key.development(),
            state,
        }
    }
}

/// Sorts keys by owner, newest first, and adds the time until which each is readable.
///
/// The newest key of an owner has no such time. Every other key is readable until `window` after the
/// creation of its successor.
pub(super) fn with_readable_until(
    mut files: Vec<KeyFile>,
    window: Duration,
) -> Vec<(KeyFile, Option<u64>)> {
    files.sort_by(|a, b| sort_key(&a.key).cmp(&sort_key(&b.key)));
    let mut newer: Option<(String, u64)> = None;
    files
        .into_iter()
        .map(|file| {
            let successor = newer.take().filter(|(owner, _)| owner == file.key.owner());
            newer = Some((file.key.owner().to_owned(), file.key.created()));
            let readable_until =
                successor.map(|(_, created)| created.saturating_add(window.as_secs()));
            (file, readable_until)
        })
        .collect()
}

/// Keys of the same second are ordered by id, so that every process has the same order.
fn sort_key(key: &Key) -> (&str, Reverse<u64>, &str) {
    (key.owner(), Reverse(key.created()), key.kid())
}
