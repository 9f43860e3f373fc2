//! Times and days in UTC as RFC 3339 text, and the host's timer.
//!
//! What writes and reads formats of any description would add some 40 KB to each component, so it is not used.

use std::time::Duration;

use serde::Serializer;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};

/// Returns the current time, such as `2026-01-31T12:00:00.000000Z`.
#[must_use]
pub fn now() -> String {
    format(OffsetDateTime::now_utc())
}

/// Returns the day of a time in UTC, such as `2026-01-31`.
#[must_use]
pub fn day(moment: OffsetDateTime) -> String {
    format_day(moment.to_offset(UtcOffset::UTC).date())
}

fn format_day(day: Date) -> String {
    let (year, month, day) = day.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// Reads a day in the format of [`day`]. Returns `None` if `text` is not one.
#[must_use]
pub fn read_day(text: &str) -> Option<Date> {
    let midnight = OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339);
    midnight.ok().map(OffsetDateTime::date)
}

/// Writes a time in the format of [`now`].
#[must_use]
pub fn format(moment: OffsetDateTime) -> String {
    let utc = moment.to_offset(UtcOffset::UTC);
    format!("{}.{:06}Z", to_the_second(utc), utc.microsecond())
}

/// Writes a time in UTC with milliseconds, such as `2026-01-31T12:00:00.000Z`. Further digits are dropped.
pub(crate) fn format_milliseconds(moment: OffsetDateTime) -> String {
    // Overflows only at the ends of the supported calendar.
    let utc = moment.checked_to_offset(UtcOffset::UTC).unwrap_or(moment);
    format!("{}.{:03}Z", to_the_second(utc), utc.millisecond())
}

fn to_the_second(utc: OffsetDateTime) -> String {
    let (hour, minute, second) = utc.to_hms();
    let day = format_day(utc.date());
    format!("{day}T{hour:02}:{minute:02}:{second:02}")
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
        for text in [
            "2026-1-31",
            "+2026-01-31",
            "2026-02-30",
            "2026-01-31T00:00:00Z",
            "",
        ] {
            assert_eq!(read_day(text), None, "{text}");
        }
    }
}
