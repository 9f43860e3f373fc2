//! A bound on log lines that say the same of many messages.

use std::time::Duration;

use tokio::time::Instant;

/// Lines of one period. They are enough to see single failures one by one.
const BURST: u32 = 10;

/// The period of [`BURST`].
const PERIOD: Duration = Duration::from_secs(60);

/// Counts lines, and says which of them to write.
#[derive(Debug, Default)]
pub(super) struct Rate {
    begun: Option<Instant>,
    written: u32,
    suppressed: u64,
}

impl Rate {
    /// Asks to write a line. Returns how many lines were suppressed before it, or `None` if this one is
    /// suppressed as well.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.begun.is_none_or(|begun| now >= begun + PERIOD) {
            self.begun = Some(now);
            self.written = 0;
        }
        if self.written >= BURST {
            self.suppressed += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_burst_are_counted() {
        let mut rate = Rate::default();
        let start = Instant::now();
        for _ in 0..BURST {
            assert_eq!(rate.admit(start), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(rate.admit(start), None);
        }
        assert_eq!(rate.admit(start + PERIOD), Some(7));
        assert_eq!(rate.admit(start + PERIOD), Some(0));
    }
}
