//! Dates in documents, in the format of relaxed Extended JSON: `{"$date": …}`.
//!
//! Use it for a field of a serde type as `#[serde(with = "service_kit::extended_json")]`.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _, ser::SerializeMap as _};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clock;

/// Converts a time to the date of a document. Documents keep milliseconds, so further digits are dropped.
#[must_use]
pub fn date(moment: OffsetDateTime) -> Value {
    json!({"$date": clock::format_milliseconds(moment)})
}

/// Reads the date of a document. Returns `None` if the value is not a date.
#[must_use]
pub fn read_date(value: &Value) -> Option<OffsetDateTime> {
    let text = value.get("$date")?.as_str()?;
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// Writes a field as a date.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(moment: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let mut date = serializer.serialize_map(Some(1))?;
    date.serialize_entry("$date", &clock::format_milliseconds(*moment))?;
    date.end()
}

/// Reads a field that is a date.
///
/// # Errors
/// If the value is not a date.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let value = Value::deserialize(deserializer)?;
    read_date(&value).ok_or_else(|| D::Error::custom("not a date"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::Serializer as ToValue;
    use time::macros::datetime;

    #[test]
    fn dates_are_written_in_utc_with_milliseconds_and_read_back() {
        let value = date(datetime!(2026-02-01 01:00:00.1239 +02:00));
        assert_eq!(value, json!({"$date": "2026-01-31T23:00:00.123Z"}));
        let written = serialize(&datetime!(2026-02-01 01:00:00.1239 +02:00), ToValue).unwrap();
        assert_eq!(written, value);
        let moment = datetime!(2026-01-31 23:00:00.123 UTC);
        assert_eq!(read_date(&value), Some(moment));
        assert_eq!(read_date(&json!("2026-01-31T23:00:00.123Z")), None);
    }
}
