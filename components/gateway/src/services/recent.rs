//! Answers that are made of other services' answers.
//!
//! Anyone may ask for them, and each costs a call to every service. So an instance keeps one for a moment,
//! and the load of the services hardly grows with that of the gateway.

use std::cell::Cell;
use std::thread::LocalKey;
use std::time::{Duration, Instant};

use service_kit::Result;

/// How long an answer is kept. A swapped service is described anew after this time.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The latest value, and when it was made.
pub(crate) struct Recent<T>(Cell<Option<(Instant, T)>>);

impl<T: Clone> Recent<T> {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(None))
    }

    /// Returns the value of `recent`, or what `make` returns if that value is too old.
    pub(super) async fn get_or_make(
        recent: &'static LocalKey<Self>,
        make: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        let now = Instant::now();
        if let Some(value) = recent.with(|recent| recent.get(now)) {
            return Ok(value);
        }
        let value = make().await?;
        recent.with(|recent| recent.set(now, &value));
        Ok(value)
    }

    /// The value if it is not older than [`MAX_AGE`] at `now`.
    fn get(&self, now: Instant) -> Option<T> {
        let kept = self.0.take()?;
        let is_recent = now.saturating_duration_since(kept.0) < MAX_AGE;
        let value = is_recent.then(|| kept.1.clone());
        self.0.set(Some(kept));
        value
    }

    /// Keeps a value that was asked for at `now`.
    fn set(&self, now: Instant, value: &T) {
        self.0.set(Some((now, value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_for_a_second() {
        let recent = Recent::new();
        let start = Instant::now();
        assert_eq!(recent.get(start), None);
        recent.set(start, &7);
        assert_eq!(recent.get(start), Some(7));
        assert_eq!(recent.get(start + MAX_AGE / 2), Some(7));
        assert_eq!(recent.get(start + MAX_AGE), None);
    }
}
