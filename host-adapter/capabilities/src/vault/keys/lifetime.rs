//! The lifetime of a key: it can be read before it is used, it is active until its successor is, and it is
//! readable for a period after that.
//!
//! Every adapter decides by its clock, so all change to a new key at the same time, and each has read the
//! key before.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::directory::KeyFile;
use super::jwk::Key;
use super::names::KeyKind;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// The key opens and verifies. It will seal and sign from a later time on.
    Upcoming,
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
            Self::Upcoming => "upcoming",
            Self::Active => "active",
            Self::ReadOnly => "read-only",
            Self::Expired => "expired",
        })
    }
}

/// When a key may be used for what, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Period {
    /// The first second at which the key seals and signs.
    pub(in super::super) active_from: u64,
    /// The first second at which its successor does. `None` for an owner's newest key.
    replaced_at: Option<u64>,
    /// The last second at which the key opens and verifies. `None` for an owner's newest key.
    pub(in super::super) readable_until: Option<u64>,
}

impl Period {
    /// The state at `now`.
    pub(in super::super) fn state(&self, now: u64) -> KeyState {
        if self.readable_until.is_some_and(|until| now > until) {
            KeyState::Expired
        } else if now < self.active_from {
            KeyState::Upcoming
        } else if self.replaced_at.is_some_and(|at| now >= at) {
            KeyState::ReadOnly
        } else {
            KeyState::Active
        }
    }

    /// Whether the key opens and verifies at `now`.
    pub(in super::super) fn is_readable(&self, now: u64) -> bool {
        self.state(now) != KeyState::Expired
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
    /// When the key begins to seal and sign, in seconds since 1970. Zero for a key that did so at once.
    pub active_from: u64,
    /// Whether this is a development key, which is rejected in production.
    pub development: bool,
    /// What the key may be used for.
    pub state: KeyState,
}

impl KeyInfo {
    pub(super) fn new(key: &Key, period: &Period, now: u64) -> Self {
        Self {
            kid: key.kid().to_owned(),
            owner: key.owner().to_owned(),
            kind: key.kind(),
            created: key.created(),
            active_from: period.active_from,
            development: key.development(),
            state: period.state(now),
        }
    }
}

/// Sorts keys by owner, newest first, and adds the period of each.
///
/// A key is readable until `window` after its successor has become active. An owner's first key is active
/// at once, because there is nothing to use before it.
pub(super) fn with_periods(mut files: Vec<KeyFile>, window: Duration) -> Vec<(KeyFile, Period)> {
    files.sort_by(|a, b| sort_key(&a.key).cmp(&sort_key(&b.key)));
    let mut keys: Vec<(KeyFile, Period)> = Vec::with_capacity(files.len());
    for file in files {
        let newer = keys.last_mut();
        let newer = newer.filter(|(newer, _)| newer.key.owner() == file.key.owner());
        let period = Period {
            // The next key of the owner, if there is one, is older and sets it.
            active_from: 0,
            replaced_at: newer
                .as_ref()
                .map(|(newer, _)| newer.key.active_from().unwrap_or(0)),
            readable_until: newer
                .as_ref()
                .map(|(newer, _)| begins(&newer.key).saturating_add(window.as_secs())),
        };
        if let Some((newer, period)) = newer {
            period.active_from = newer.key.active_from().unwrap_or(0);
        }
        keys.push((file, period));
    }
    keys
}

/// When a key begins, for the order of keys and the end of older ones. A key that is active at once begins
/// when it is created.
pub(super) fn begins(key: &Key) -> u64 {
    key.active_from().unwrap_or(key.created())
}

/// Keys of the same second are ordered by id, so that every process has the same order.
fn sort_key(key: &Key) -> (&str, Reverse<u64>, &str) {
    (key.owner(), Reverse(begins(key)), key.kid())
}
