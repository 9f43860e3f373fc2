//! The current time in the unit that JOSE uses.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970. A clock set before 1970 reads as 0. Every key, token and envelope then comes
/// from the future, so all of them are rejected and none is accepted by mistake.
pub(super) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
