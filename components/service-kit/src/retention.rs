//! Removes old documents in small steps, while requests are served.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::adapter::documents::Direction;
use crate::collection::filter::{lt, lte};
use crate::{Collection, Failure, extended_json, settings};

/// Documents that one step removes. It takes some milliseconds, so no request waits for it.
const STEP: u32 = 500;

/// How often an instance looks for old documents. If it finds as many as a step removes, it looks again with the
/// next request.
const INTERVAL: Duration = Duration::from_secs(60);

/// Longest age in days. A longer one would be the same as to keep everything.
const MAX_DAYS: u32 = 100 * 366;

/// When this instance looked last. Each collection with a retention has one, as a thread-local.
#[derive(Debug, Default)]
pub struct Looked(Cell<Option<Instant>>);

impl Looked {
    /// An instance that has not looked yet.
    #[must_use]
    pub const fn never() -> Self {
        Self(Cell::new(None))
    }

    /// Whether it is time to look. If it is, the next time is later.
    pub fn is_due(&self) -> bool {
        let looked = self.0.get();
        let due = looked.is_none_or(|looked| looked.elapsed() >= INTERVAL);
        if due {
            self.0.set(Some(Instant::now()));
        }
        due
    }

    /// There is more to remove, so the next request looks again.
    pub fn look_again(&self) {
        self.0.set(None);
    }
}

/// Returns the time before which documents are removed. The `variable` is a number of days. `None`, which is the
/// default, means that they are kept for good.
pub async fn cutoff(variable: &str) -> Option<OffsetDateTime> {
    let days = settings::number(variable).await?;
    let age = (1..=MAX_DAYS)
        .contains(&days)
        .then(|| time::Duration::days(days.into()))?;
    OffsetDateTime::now_utc().checked_sub(age)
}

/// Removes the oldest documents whose date `at` is before `cutoff`, and returns whether there may be more. An
/// index on `at` should exist.
///
/// # Errors
/// If documents cannot be found or removed.
pub async fn remove_before<T>(
    collection: &Collection<T>,
    at: &str,
    cutoff: OffsetDateTime,
) -> Result<bool, Failure> {
    let old = lt(at, cutoff);
    let documents = collection.read_as::<Map<String, Value>>();
    let found = documents
        .find(old.clone())
        .order_by(at, Direction::Ascending);
    let last = found.skip(STEP - 1).fetch_optional().await?;
    let end = last.and_then(|document| extended_json::read_date(document.get(at)?));
    let step = end.map_or(old, |end| lte(at, end));
    let removed = collection.remove(step).await?;
    if removed > 0 {
        tracing::info!(removed, "removed old documents of `{}`", collection.name());
    }
    Ok(end.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_looks_now_and_then() {
        let looked = Looked::never();
        assert!(looked.is_due());
        assert!(!looked.is_due());
        looked.look_again();
        assert!(looked.is_due());
    }
}
