//! A day in UTC as text of a fixed length, so that the days of a year need no allocations.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use service_kit::{OffsetDateTime, clock};

/// A day in UTC, such as `2026-01-31`. Days are ordered like their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day([u8; 10]);

impl Day {
    /// The day of a time, of the years 0 to 9999.
    pub(crate) fn of(moment: OffsetDateTime) -> Self {
        Self::read(&clock::day(moment)).unwrap_or(Self(*b"9999-12-31"))
    }

    fn read(text: &str) -> Option<Self> {
        match <[u8; 10]>::try_from(text.as_bytes()) {
            Ok(day @ [_, _, _, _, b'-', _, _, b'-', _, _]) if text.is_ascii() => Some(Self(day)),
            _ => None,
        }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only ASCII is read.
        serializer.serialize_str(str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Day;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a day such as `2026-01-31`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Day, E> {
        Day::read(text).ok_or_else(|| E::custom("not a day such as `2026-01-31`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_is_read_as_it_is_written() {
        let day = Day::of(datetime!(2026-01-31 23:00 -02:00));
        let text = serde_json::to_string(&day).unwrap();
        assert_eq!(text, r#""2026-02-01""#);
        assert_eq!(serde_json::from_str::<Day>(&text).unwrap(), day);
        for wrong in [r#""""#, r#""2026-02""#, r#""2026/02/01""#, "20260201"] {
            assert!(serde_json::from_str::<Day>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_are_in_order() {
        let (early, late) = (
            datetime!(2025-12-31 0:00 UTC),
            datetime!(2026-01-01 0:00 UTC),
        );
        assert!(Day::of(early) < Day::of(late));
    }
}
