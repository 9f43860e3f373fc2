//! Tokens verified lately, so that a client that sends the same one with every request costs one
//! signature check in its lifetime.
//!
//! A hit is as good as a check of the signature and the claims: nothing that such a check looks at
//! can change for the worse except the time, and an entry is only good until its token expires or
//! its key stops being readable. Whether a session has ended is asked after a hit too.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use sha2::{Digest, Sha256};

use super::Claims;

/// Claims by the SHA-256 of the whole token, signature included: the tokens themselves are not
/// kept in memory.
pub(super) struct Cache {
    capacity: usize,
    verified: RwLock<HashMap<[u8; 32], Verified>>,
}

struct Verified {
    claims: Claims,
    /// The first second at which the entry is no longer good.
    ends: u64,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            verified: RwLock::default(),
        }
    }

    pub(super) fn get(&self, token: &str, now: u64) -> Option<Claims> {
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        let entry = verified
            .get(&digest(token))
            .filter(|entry| now < entry.ends)?;
        Some(entry.claims.clone())
    }

    pub(super) fn put(
        &self,
        token: &str,
        claims: &Claims,
        key_readable_until: Option<u64>,
        now: u64,
    ) {
        let key_ends = key_readable_until.map_or(u64::MAX, |last| last.saturating_add(1));
        let entry = Verified {
            claims: claims.clone(),
            ends: claims.expires_at.min(key_ends),
        };
        let mut verified = self
            .verified
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= self.capacity {
            verified.retain(|_, entry| now < entry.ends);
        }
        // Dropping everything costs each client one check; choosing whom to drop costs every
        // request some bookkeeping.
        if verified.len() >= self.capacity {
            verified.clear();
        }
        verified.insert(digest(token), entry);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(expires_at: u64) -> Claims {
        Claims {
            subject: "ada".to_owned(),
            id: "1".to_owned(),
            session: None,
            expires_at,
        }
    }

    #[test]
    fn an_entry_ends_when_its_token_expires() {
        let cache = Cache::new(2);
        cache.put("a", &claims(10), None, 0);
        assert_eq!(cache.get("a", 9), Some(claims(10)));
        assert_eq!(cache.get("a", 10), None);
        assert_eq!(cache.get("b", 9), None);
    }

    #[test]
    fn an_entry_ends_when_its_key_stops_being_readable() {
        let cache = Cache::new(2);
        cache.put("a", &claims(10), Some(5), 0);
        assert_eq!(cache.get("a", 5), Some(claims(10)));
        assert_eq!(cache.get("a", 6), None);
    }

    #[test]
    fn a_full_cache_drops_the_expired_first_and_never_grows() {
        let cache = Cache::new(2);
        cache.put("old", &claims(10), None, 0);
        cache.put("young", &claims(20), None, 0);
        cache.put("new", &claims(20), None, 15);
        assert!(cache.get("young", 15).is_some() && cache.get("new", 15).is_some());
        cache.put("newer", &claims(20), None, 15);
        assert!(cache.get("newer", 15).is_some());
        assert_eq!(cache.verified.read().unwrap().len(), 1);
    }
}
