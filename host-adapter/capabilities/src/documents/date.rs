//! Points in time, `{"$date": …}` in Extended JSON.

use std::fmt;

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A point in time with milliseconds, in the years 0 to 9999.
///
/// Its text has always the same length and is in UTC, so that the order of texts is the order of
/// times: the JSONB backend compares nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(OffsetDateTime);

impl Date {
    /// Reads RFC 3339 with any offset; digits beyond milliseconds are dropped, as MongoDB does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let utc = OffsetDateTime::parse(text, &Rfc3339)
            .ok()?
            .checked_to_offset(UtcOffset::UTC)?;
        Self::new(utc)
    }

    /// A time in UTC, if it is in the years that there are.
    pub(super) fn new(utc: OffsetDateTime) -> Option<Self> {
        let date = utc.replace_millisecond(utc.millisecond()).ok()?;
        (0..=9999).contains(&date.year()).then_some(Self(date))
    }

    /// The point in time, for a backend with a type of its own for it.
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
    fn any_offset_and_precision_becomes_utc_with_milliseconds() {
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
    fn what_is_no_point_in_time_is_refused() {
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
