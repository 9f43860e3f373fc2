//! Timestamps: `{"$date": …}` in Extended JSON.

use std::fmt;

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A timestamp with millisecond precision in the years 0 to 9999.
///
/// Its text is in UTC and always has the same length, so texts sort in the order of the timestamps. The
/// JSONB store relies on this: it compares only the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(OffsetDateTime);

impl Date {
    /// Parses RFC 3339 with any offset. Truncates to milliseconds, as MongoDB does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let utc = OffsetDateTime::parse(text, &Rfc3339)
            .ok()?
            .checked_to_offset(UtcOffset::UTC)?;
        Self::new(utc)
    }

    /// Truncates a UTC time to milliseconds; `None` outside the years 0 to 9999.
    pub(super) fn new(utc: OffsetDateTime) -> Option<Self> {
        let date = utc.replace_millisecond(utc.millisecond()).ok()?;
        (0..=9999).contains(&date.year()).then_some(Self(date))
    }

    /// The timestamp, for a store with a native timestamp type.
    #[must_use]
    pub fn time(self) -> OffsetDateTime {
        self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second, milli) = self.0.to_hms_milli();
        let month = u8::from(month);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_and_precision_become_utc_with_milliseconds() {
        for (given, expected) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31T12:00:00.1239Z", "2026-01-31T12:00:00.123Z"),
            ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Date::parse(given).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn text_that_is_not_a_timestamp_is_rejected() {
        for text in [
            "",
            "2026-01-31",
            "2026-02-30T00:00:00Z",
            "12",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
