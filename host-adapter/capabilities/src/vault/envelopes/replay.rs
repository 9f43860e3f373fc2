//! The ids of opened envelopes, kept until the envelopes are too old to be opened again.
//!
//! An id is kept as a 64-bit hash with a key of this process. The hash limits the memory for any
//! length of id, and the key prevents senders from making two ids collide. Among half a million ids,
//! an envelope collides by chance with a probability of 3 in 10^14. It is then rejected.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// Whether an envelope may be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// No envelope with this id was opened before. The id is stored now.
    First,
    /// An envelope with this id was opened before.
    Repeated,
    /// The capacity is reached. The envelope must be rejected, because a replay of it would not be
    /// detected.
    Full,
}

/// The ids of opened envelopes.
pub(super) struct ReplayGuard {
    capacity: usize,
    hashing: RandomState,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    ids: HashSet<u64>,
    /// The same ids, by the last second at which their envelopes are valid.
    by_expiry: BTreeMap<u64, Vec<u64>>,
}

impl ReplayGuard {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            hashing: RandomState::new(),
            opened: Mutex::default(),
        }
    }

    /// Admits the envelope `id` of key `kid` once. The id is kept until `valid_until`.
    pub(super) fn admit(&self, kid: &str, id: &str, valid_until: u64, now: u64) -> Admission {
        // The hash includes the key id, so an issuer cannot use up the ids of another.
        let hash = self.hashing.hash_one((kid, id));
        // The two changes below cannot be separated by a panic, so a poisoned lock is usable.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.remove_older_than(now);
        if opened.ids.contains(&hash) {
            return Admission::Repeated;
        }
        if opened.ids.len() >= self.capacity {
            return Admission::Full;
        }
        opened.ids.insert(hash);
        opened.by_expiry.entry(valid_until).or_default().push(hash);
        Admission::First
    }
}

impl Opened {
    fn remove_older_than(&mut self, now: u64) {
        while let Some(oldest) = self.by_expiry.first_entry()
            && *oldest.key() < now
        {
            for hash in oldest.remove() {
                self.ids.remove(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_admitted_once_until_it_expires() {
        let guard = ReplayGuard::new(10);
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(guard.admit("k", "a", 60, 60), Admission::Repeated);
        assert_eq!(guard.admit("k", "b", 60, 60), Admission::First);
    }

    #[test]
    fn same_id_of_another_key_is_admitted() {
        let guard = ReplayGuard::new(10);
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(guard.admit("l", "a", 60, 0), Admission::First);
    }

    #[test]
    fn full_guard_rejects_until_an_id_expires() {
        let guard = ReplayGuard::new(2);
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(guard.admit("k", "b", 61, 0), Admission::First);
        assert_eq!(guard.admit("k", "c", 61, 60), Admission::Full);
        assert_eq!(guard.admit("k", "c", 61, 61), Admission::First);
        assert_eq!(guard.opened.lock().unwrap().ids.len(), 2);
    }
}
