//! Takes up keys that are added to or removed from the key directory, and counts what keys have sealed.
//!
//! The directory is read at intervals. Notifications of the file system do not cover network file systems
//! and mounted secrets, and reading ten files takes less than a millisecond.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::envelopes::Envelopes;
use super::super::errors::KeyError;
use super::super::tokens::Tokens;
use super::{KeyRing, KeySettings, MAX_SEALS, Period, Policy, SealCounts};

/// Time between two readings. An adapter knows a new key after this time at the latest.
const READ_INTERVAL: Duration = Duration::from_secs(2);

/// Time between two additions to the numbers of sealed envelopes. An adapter that is killed loses those of
/// this time.
const COUNT_INTERVAL: Duration = Duration::from_secs(30);

/// Keeps the keys of one adapter current.
pub struct KeyWatcher {
    directory: PathBuf,
    seals_directory: PathBuf,
    owners: Vec<String>,
    policy: Policy,
    envelopes: Arc<Envelopes>,
    tokens: Arc<Tokens>,
    contents: Vec<(String, Period)>,
    /// The failures that were logged, so that each is logged once.
    unreadable: Option<String>,
    uncounted: Option<String>,
    counted_at: Instant,
    /// The keys that were warned of.
    warned: BTreeSet<String>,
}

impl KeyWatcher {
    /// Watches the directory that `keys` was read from, with the same `settings`, `owners` and `policy`. The
    /// caller runs it.
    #[must_use]
    pub fn new(
        settings: &KeySettings,
        owners: &[&str],
        policy: Policy,
        keys: &KeyRing,
        (envelopes, tokens): (Arc<Envelopes>, Arc<Tokens>),
    ) -> Self {
        Self {
            directory: settings.directory.clone(),
            seals_directory: settings.seals_directory().to_owned(),
            owners: owners.iter().map(|&owner| owner.to_owned()).collect(),
            policy,
            envelopes,
            tokens,
            contents: keys.contents(),
            unreadable: None,
            uncounted: None,
            counted_at: Instant::now(),
            warned: BTreeSet::new(),
        }
    }

    /// Runs until `shutdown` is cancelled.
    pub async fn run(mut self, shutdown: CancellationToken) {
        self.count().await;
        while shutdown
            .run_until_cancelled(sleep(READ_INTERVAL))
            .await
            .is_some()
        {
            self.read().await;
            if self.counted_at.elapsed() >= COUNT_INTERVAL {
                self.count().await;
            }
        }
        self.count().await;
    }

    async fn read(&mut self) {
        let (directory, policy) = (self.directory.clone(), self.policy.clone());
        let owners = self.owners.clone();
        let read = blocking(move || {
            let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
            KeyRing::read(&directory, &owners, &policy)
        });
        match read.await {
            Ok(keys) => {
                self.unreadable = None;
                self.take_up(&keys);
            }
            Err(error) => {
                let place = self.directory.display();
                let text = format!(
                    "the keys in `{place}` cannot be used, so the previous ones stay: {error}"
                );
                if is_new(&mut self.unreadable, &text) {
                    tracing::error!("{text}");
                }
            }
        }
    }

    fn take_up(&mut self, keys: &KeyRing) {
        let contents = keys.contents();
        if contents == self.contents {
            return;
        }
        let kids = |contents: &[(String, Period)]| -> BTreeSet<String> {
            contents.iter().map(|(kid, _)| kid.clone()).collect()
        };
        let (before, after) = (kids(&self.contents), kids(&contents));
        self.envelopes.use_keys(keys);
        self.tokens.use_keys(keys);
        self.contents = contents;
        let list = |kids: BTreeSet<&String>| -> String {
            let kids: Vec<&str> = kids.into_iter().map(String::as_str).collect();
            kids.join(" ")
        };
        tracing::info!(
            keys.added = list(after.difference(&before).collect()),
            keys.removed = list(before.difference(&after).collect()),
            "the keys have changed, and are in use"
        );
    }

    /// Adds what was sealed since the last time, and warns of keys that have sealed many envelopes.
    async fn count(&mut self) {
        self.counted_at = Instant::now();
        let sealed: BTreeMap<String, u64> = self.envelopes.take_seals();
        let (directory, keys) = (self.seals_directory.clone(), self.directory.clone());
        let counted = blocking({
            let sealed = sealed.clone();
            move || {
                if sealed.is_empty() {
                    SealCounts::read(&directory)
                } else {
                    SealCounts::add(&directory, &keys, &sealed)
                }
            }
        });
        match counted.await {
            Ok(counts) => {
                self.uncounted = None;
                self.warn(&counts);
            }
            Err(error) => {
                self.envelopes.give_back_seals(&sealed);
                let text = format!(
                    "what keys have sealed cannot be written, so it is not known after a restart: {error}"
                );
                if is_new(&mut self.uncounted, &text) {
                    tracing::warn!("{text}");
                }
                // Everything since the start.
                self.warn(&SealCounts::from(sealed));
            }
        }
    }

    fn warn(&mut self, counts: &SealCounts) {
        for (kid, count) in counts.used_up() {
            if self.warned.insert(kid.to_owned()) {
                tracing::warn!(
                    key.id = kid,
                    "key `{kid}` has sealed {count} envelopes of the {MAX_SEALS} that are safe: run \
                     `host-adapter keys rotate` for its owner"
                );
            }
        }
    }
}

/// Whether `text` differs from the failure that was logged last. It is the last one then.
fn is_new(logged: &mut Option<String>, text: &str) -> bool {
    logged.replace(text.to_owned()).as_deref() != Some(text)
}

/// Runs `work`, which reads and writes files, outside of the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|error| Err(KeyError::Stopped(error.to_string())))
}
