//! Times and days in UTC as RFC 3339 text, and the host's timer.

use std::time::Duration;

use serde::Serializer;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

const MICROSECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Returns the current time, such as `2026-01-31T12:00:00.000000Z`.
#[must_use]
pub fn now() -> String {
    format(OffsetDateTime::now_utc())
}

/// Returns the day of a time in UTC, such as `2026-01-31`.
#[must_use]
pub fn day(moment: OffsetDateTime) -> String {
    let utc = moment.to_offset(time::UtcOffset::UTC);
    utc.format(DAY).unwrap_or_default()
}

/// Reads a day in the format of [`day`]. Returns `None` if `text` is not one.
#[must_use]
pub fn read_day(text: &str) -> Option<Date> {
    Date::parse(text, DAY).ok()
}

/// Writes a time in the format of [`now`].
#[must_use]
pub fn format(moment: OffsetDateTime) -> String {
    let utc = moment.to_offset(time::UtcOffset::UTC);
    // Fails only for years that do not have four digits.
    utc.format(MICROSECONDS).unwrap_or_default()
}

/// Writes a field like [`format()`]. Use it as `#[serde(serialize_with = "clock::serialize")]`.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(moment: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*moment))
}

/// Waits on the host's timer, which wakes this task even if every other task of the instance waits.
#[cfg(target_family = "wasm")]
pub async fn sleep(time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    spin_sdk::wasip3::clocks::monotonic_clock::wait_for(nanoseconds).await;
}

/// Waits for another poll. Outside of a component there are only unit tests, which poll by hand.
#[cfg(not(target_family = "wasm"))]
pub async fn sleep(_: Duration) {
    let mut is_polled = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut is_polled, true) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moments_are_written_in_utc() {
        let moment = datetime!(2026-01-31 14:00:00.5 +02:00);
        assert_eq!(format(moment), "2026-01-31T12:00:00.500000Z");
        assert_eq!(day(datetime!(2026-02-01 01:00 +02:00)), "2026-01-31");
    }

    #[test]
    fn a_day_is_read_as_it_is_written() {
        let moment = datetime!(2026-01-31 12:00 UTC);
        assert_eq!(read_day(&day(moment)), Some(moment.date()));
        assert_eq!(read_day("2026-1-31"), None);
    }
}
