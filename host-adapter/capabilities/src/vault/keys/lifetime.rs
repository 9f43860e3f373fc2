//! How long a key is good for: as long as it is the newest, then a window more.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::directory::KeyFile;
use super::jwk::Key;
use super::names::KeyKind;

/// What a key is still good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It seals, signs, opens and verifies.
    Active,
    /// A newer one has taken over; it opens and verifies only.
    ReadOnly,
    /// It is ignored and its file can be deleted.
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
    /// The state of a key that can be read until `until`, at `now`.
    pub(in super::super) fn at(until: Option<u64>, now: u64) -> Self {
        match until {
            None => Self::Active,
            Some(until) if now <= until => Self::ReadOnly,
            Some(_) => Self::Expired,
        }
    }
}

/// What may be shown of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's id; its file is named after it.
    pub kid: String,
    /// Whose key it is.
    pub owner: String,
    /// What it is for.
    pub kind: KeyKind,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Made up on a laptop; refused in production.
    pub development: bool,
    /// What it is still good for.
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

/// Sort by owner, newest first, and say until when each key can be read: the newest of an owner
/// without end, every other until `window` after the creation of the one that followed it.
pub(super) fn with_ends(mut files: Vec<KeyFile>, window: Duration) -> Vec<(KeyFile, Option<u64>)> {
    files.sort_by(|a, b| order(&a.key).cmp(&order(&b.key)));
    let mut followed_by: Option<(String, u64)> = None;
    files
        .into_iter()
        .map(|file| {
            let successor = followed_by
                .take()
                .filter(|(owner, _)| owner == file.key.owner());
            followed_by = Some((file.key.owner().to_owned(), file.key.created()));
            let until = successor.map(|(_, created)| created.saturating_add(window.as_secs()));
            (file, until)
        })
        .collect()
}

/// The id decides between keys of the same second, so that every process decides alike.
fn order(key: &Key) -> (&str, Reverse<u64>, &str) {
    (key.owner(), Reverse(key.created()), key.kid())
}
