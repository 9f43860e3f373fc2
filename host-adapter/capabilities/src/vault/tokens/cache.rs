//! A cache of verified tokens. A token that a client sends with every request costs only one
//! signature check in its lifetime.
//!
//! A hit replaces the check of the signature and the claims. Of the inputs of that check, only the
//! time can change the result, and an entry is valid only until its token expires or
//! its key stops being readable. The audience and the session are checked after a hit too.

use quick_cache::sync;
use sha2::{Digest, Sha256};

use super::claims::Verified;

/// Tokens by the SHA-256 of the whole token, signature included: the tokens themselves are not
/// kept in memory. A full cache evicts the entries that are used least.
pub(super) struct Cache(sync::Cache<[u8; 32], Entry>);

#[derive(Clone)]
struct Entry {
    verified: Verified,
    /// The first second at which the entry is no longer good.
    ends: u64,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self(sync::Cache::new(capacity))
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }

    pub(super) fn get(&self, token: &str, now: u64) -> Option<Verified> {
        let entry = self.0.get(&digest(token))?;
        (now < entry.ends).then_some(entry.verified)
    }

    pub(super) fn put(&self, token: &str, verified: &Verified, key_readable_until: Option<u64>) {
        let key_ends = key_readable_until.map_or(u64::MAX, |last| last.saturating_add(1));
        let entry = Entry {
            verified: verified.clone(),
            ends: verified.claims.expires_at.min(key_ends),
        };
        self.0.insert(digest(token), entry);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::super::Claims;
    use super::*;

    fn claims(expires_at: u64) -> Verified {
        let claims = Claims {
            subject: "ada".to_owned(),
            id: "1".to_owned(),
            session: None,
            expires_at,
        };
        let audiences = ["user".to_owned()].into();
        Verified { claims, audiences }
    }

    #[test]
    fn an_entry_ends_when_its_token_expires() {
        let cache = Cache::new(2);
        cache.put("a", &claims(10), None);
        assert_eq!(cache.get("a", 9), Some(claims(10)));
        assert_eq!(cache.get("a", 10), None);
        assert_eq!(cache.get("b", 9), None);
    }

    #[test]
    fn an_entry_ends_when_its_key_stops_being_readable() {
        let cache = Cache::new(2);
        cache.put("a", &claims(10), Some(5));
        assert_eq!(cache.get("a", 5), Some(claims(10)));
        assert_eq!(cache.get("a", 6), None);
    }

    #[test]
    fn a_full_cache_keeps_the_entries_that_are_in_use() {
        let cache = Cache::new(100);
        cache.put("in use", &claims(10), None);
        for number in 0..1_000 {
            assert!(cache.get("in use", 9).is_some(), "after {number} others");
            cache.put(&number.to_string(), &claims(10), None);
        }
        assert!(cache.0.len() <= 100);
    }
}
