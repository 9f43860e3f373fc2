//! Which envelopes have been opened and are still young enough to be sent again.
//!
//! An id is kept as a 64-bit hash under a key of this process: that bounds the memory whatever
//! ids others choose, and nobody can make two ids collide. That two do by chance among half a
//! million has a probability of 3 in 10^14 per envelope, and costs one refusal.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// What to do with an envelope.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is the first with this id, and now remembered.
    First,
    /// It was there before.
    Repeated,
    /// Remembering one more is not allowed, so its repetition could not be noticed.
    Full,
}

/// The memory of opened envelopes.
pub(super) struct Replays {
    capacity: usize,
    hashing: RandomState,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    ids: HashSet<u64>,
    /// The same ids by the last second at which their envelopes are good.
    by_end: BTreeMap<u64, Vec<u64>>,
}

impl Replays {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            hashing: RandomState::new(),
            opened: Mutex::default(),
        }
    }

    /// Let the envelope `id` of key `kid` in, once, until it is no longer good anyway.
    pub(super) fn admit(&self, kid: &str, id: &str, good_until: u64, now: u64) -> Admission {
        // Ids are told apart by key, so that no issuer can use up another's.
        let hash = self.hashing.hash_one((kid, id));
        // No panic can come between the two changes below.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.forget_before(now);
        if opened.ids.contains(&hash) {
            return Admission::Repeated;
        }
        if opened.ids.len() >= self.capacity {
            return Admission::Full;
        }
        opened.ids.insert(hash);
        opened.by_end.entry(good_until).or_default().push(hash);
        Admission::First
    }
}

impl Opened {
    fn forget_before(&mut self, now: u64) {
        while let Some(oldest) = self.by_end.first_entry()
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
    fn an_id_is_admitted_once_while_it_is_good() {
        let replays = Replays::new(10);
        assert_eq!(replays.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(replays.admit("k", "a", 60, 60), Admission::Repeated);
        assert_eq!(replays.admit("k", "b", 60, 60), Admission::First);
    }

    #[test]
    fn the_same_id_under_another_key_is_another() {
        let replays = Replays::new(10);
        assert_eq!(replays.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(replays.admit("l", "a", 60, 0), Admission::First);
    }

    #[test]
    fn full_refuses_until_something_is_too_old() {
        let replays = Replays::new(2);
        assert_eq!(replays.admit("k", "a", 60, 0), Admission::First);
        assert_eq!(replays.admit("k", "b", 61, 0), Admission::First);
        assert_eq!(replays.admit("k", "c", 61, 60), Admission::Full);
        assert_eq!(replays.admit("k", "c", 61, 61), Admission::First);
        assert_eq!(replays.opened.lock().unwrap().ids.len(), 2);
    }
}
