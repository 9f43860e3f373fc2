//! The time as JOSE counts it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970. A clock before that reads as 0, which makes every key, token and envelope
/// come from the future: all are refused rather than all accepted.
pub(super) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
