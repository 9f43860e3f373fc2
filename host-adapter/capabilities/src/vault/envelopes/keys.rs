//! The keys of envelopes in the form in which they are used.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm::{Aes256Gcm, KeyInit};

use super::super::keys::{KeyKind, KeyRing, Period};

/// All keys of one reading of the key directory.
pub(super) struct EnvelopeKeys {
    /// By key id.
    opening: HashMap<String, OpeningKey>,
    /// By owner, newest first.
    sealing: HashMap<String, Vec<SealingKey>>,
}

/// A key that opens envelopes. The cipher overwrites the expanded key when it is dropped.
pub(super) struct OpeningKey {
    pub(super) owner: String,
    pub(super) period: Period,
    pub(super) cipher: Aes256Gcm,
}

/// A key that seals envelopes, or will.
pub(super) struct SealingKey {
    pub(super) kid: String,
    pub(super) cipher: Aes256Gcm,
    active_from: u64,
    /// Envelopes that were sealed and not counted yet. A later reading of the directory goes on with it.
    seals: Arc<AtomicU64>,
}

impl EnvelopeKeys {
    /// The keys of the ring. Those that are among `previous` keep their number of envelopes.
    pub(super) fn new(ring: &KeyRing, previous: Option<&Self>) -> Self {
        let (mut opening, mut sealing) = (HashMap::new(), HashMap::<String, Vec<_>>::new());
        for ring_key in ring.keys_of_kind(KeyKind::Envelope) {
            let kid = ring_key.key.kid().to_owned();
            let owner = ring_key.key.owner().to_owned();
            let cipher = Aes256Gcm::new(ring_key.key.secret().into());
            let period = ring_key.period;
            let seals = previous.and_then(|previous| previous.seals(&owner, &kid));
            let key = SealingKey {
                kid: kid.clone(),
                cipher: cipher.clone(),
                active_from: period.active_from,
                seals: seals.unwrap_or_default(),
            };
            sealing.entry(owner.clone()).or_default().push(key);
            let key = OpeningKey {
                owner,
                period,
                cipher,
            };
            opening.insert(kid, key);
        }
        Self { opening, sealing }
    }

    pub(super) fn opening(&self, kid: &str) -> Option<&OpeningKey> {
        self.opening.get(kid)
    }

    /// The key with which `owner` seals at `now`.
    pub(super) fn sealing(&self, owner: &str, now: u64) -> Option<&SealingKey> {
        let keys = self.sealing.get(owner)?;
        keys.iter().find(|key| key.active_from <= now)
    }

    /// The envelopes that were sealed since the last call, by key id.
    pub(super) fn take_seals(&self) -> BTreeMap<String, u64> {
        let keys = self.sealing.values().flatten();
        let seals = keys.map(|key| (key.kid.clone(), key.seals.swap(0, Ordering::Relaxed)));
        seals.filter(|(_, seals)| *seals > 0).collect()
    }

    /// Adds numbers that [`Self::take_seals`] took and that could not be written.
    pub(super) fn give_back_seals(&self, seals: &BTreeMap<String, u64>) {
        for key in self.sealing.values().flatten() {
            if let Some(seals) = seals.get(&key.kid) {
                key.seals.fetch_add(*seals, Ordering::Relaxed);
            }
        }
    }

    fn seals(&self, owner: &str, kid: &str) -> Option<Arc<AtomicU64>> {
        let mut keys = self.sealing.get(owner)?.iter();
        keys.find(|key| key.kid == kid).map(|key| key.seals.clone())
    }
}

impl SealingKey {
    pub(super) fn count(&self) {
        self.seals.fetch_add(1, Ordering::Relaxed);
    }
}
