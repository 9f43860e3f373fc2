//! The ids of opened envelopes, kept until the envelopes are too old to be opened again.
//!
//! An id is kept as a 64-bit hash with a key of this process. The hash limits the memory for any
//! length of id, and the key prevents senders from making two ids collide. Among half a million ids,
//! an envelope collides by chance with a probability of 3 in 10^14. It is then rejected.
//!
//! An id is forgotten when the time of any thread is later than its envelope's validity. Another thread
//! may have read its time before, and the clock may be set back later. Envelopes that were valid only as
//! long as a forgotten one are therefore rejected, whatever the time is. A clock that is set back by more
//! than the age limit of envelopes rejects all of them until it reaches the time of the last forgotten one.

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
    /// The ids of envelopes that are valid only until then are forgotten, so a replay would not be detected.
    Forgotten,
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
    /// The latest validity of a forgotten id.
    forgotten_until: Option<u64>,
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
        if opened
            .forgotten_until
            .is_some_and(|until| valid_until <= until)
        {
            return Admission::Forgotten;
        }
        if opened.ids.len() >= self.capacity {
            return Admission::Full;
        }
        opened.ids.insert(hash);
        opened.by_expiry.entry(valid_until).or_default().push(hash);
        Admission::First
    }

    /// Takes back the admission of an envelope that was not opened after all.
    pub(super) fn take_back(&self, kid: &str, id: &str) {
        let hash = self.hashing.hash_one((kid, id));
        // The hash stays in `by_expiry`. A second admission adds it again, for the same second.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.ids.remove(&hash);
    }
}

impl Opened {
    fn remove_older_than(&mut self, now: u64) {
        while let Some(oldest) = self.by_expiry.first_entry()
            && *oldest.key() < now
        {
            let (until, hashes) = oldest.remove_entry();
            for hash in hashes {
                self.ids.remove(&hash);
            }
            self.forgotten_until = self.forgotten_until.max(Some(until));
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
    fn forgotten_id_is_not_admitted_by_an_earlier_time() {
        let guard = ReplayGuard::new(10);
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::First);
        // Another thread is a second ahead. Later the clock is set back.
        assert_eq!(guard.admit("k", "b", 121, 61), Admission::First);
        for now in [60, 10] {
            assert_eq!(guard.admit("k", "a", 60, now), Admission::Forgotten);
            assert_eq!(guard.admit("k", "b", 121, now), Admission::Repeated);
        }
        assert_eq!(guard.admit("k", "c", 61, 10), Admission::First);
    }

    #[test]
    fn admission_that_is_taken_back_can_be_repeated() {
        let guard = ReplayGuard::new(1);
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::First);
        guard.take_back("k", "a");
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(guard.admit("k", "a", 60, 0), Admission::Repeated);
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
