//! How many lines were written, and how many were lost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Of one output, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
}

/// What the counters of an output are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `stderr` or `files`.
    pub output: &'static str,
    /// Lines that were written.
    pub written: u64,
    /// Lines that were not, because the queue was full or writing failed.
    pub lost: u64,
}

impl Counters {
    pub(crate) fn add_written(&self, lines: u64) {
        self.written.fetch_add(lines, Ordering::Relaxed);
    }

    pub(crate) fn add_lost(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// Lines that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Lines that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
