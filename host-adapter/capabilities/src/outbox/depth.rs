//! How many messages an outbox holds, as the relay found last.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// The messages in an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Not delivered yet, counted up to 10,000.
    pub waiting: i64,
    /// Not deliverable, counted up to 10,000.
    pub dead: i64,
    /// Age of the oldest message that waits.
    pub oldest: Duration,
}

/// What a relay tells those who ask, without a query for each of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<RwLock<Option<Depth>>>);

impl Known {
    pub(super) fn get(&self) -> Option<Depth> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, depth: Depth) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(depth);
    }
}
