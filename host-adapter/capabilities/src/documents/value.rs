//! JSON values with the dates of Extended JSON, and their JSON text.

use std::io;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::Date;

/// 2^53: below it a double represents every integer exactly, and the shortest text of an integral double
/// is exact.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Fields in the order of the text, which MongoDB keeps. Names are unique.
pub type Fields = Vec<(String, Value)>;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A value that is not an array or an object.
    Scalar(Scalar),
    /// Values in order.
    Array(Vec<Self>),
    /// Named fields.
    Object(Fields),
}

/// A value that can be compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `null`, equal to a missing field.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number without a fraction or an exponent that fits in 64 bits.
    Integer(i64),
    /// Any other number. Always finite.
    Double(f64),
    /// Text, without NUL characters.
    String(String),
    /// A point in time.
    Date(Date),
}

impl Value {
    /// The number of nested levels of arrays and objects; 0 for a scalar.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::Array(values) => 1 + values.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(fields) => {
                1 + fields
                    .iter()
                    .map(|(_, value)| value.depth())
                    .max()
                    .unwrap_or(0)
            }
        }
    }

    /// Serializes the value as relaxed Extended JSON.
    pub(super) fn to_json(&self) -> String {
        to_json(self)
    }
}

impl Scalar {
    /// Serializes the scalar as relaxed Extended JSON.
    pub(super) fn to_json(&self) -> String {
        to_json(self)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(scalar) => scalar.serialize(serializer),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Object(fields) => {
                serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Double(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Date(value) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("$date", &value.to_string())?;
                map.end()
            }
        }
    }
}

/// Serializes a stored value as relaxed Extended JSON.
pub(super) fn to_json(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, ExactDoubles);
    // Writing to memory cannot fail, and all map keys are strings.
    if let Err(error) = value.serialize(&mut serializer) {
        tracing::error!("a value could not be written as JSON: {error}");
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Writes large doubles with all their digits. JSONB compares decimal numbers, and the shortest text of
/// a large double is a different decimal number from the integer that the double equals.
struct ExactDoubles;

impl serde_json::ser::Formatter for ExactDoubles {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.abs() < EXACT_INTEGERS {
            serde_json::ser::CompactFormatter.write_f64(writer, value)
        } else {
            write!(writer, "{value:.1}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_doubles_are_written_with_all_digits() {
        for (value, text) in [
            (0.1, "0.1"),
            (5.0, "5.0"),
            (1_152_921_504_606_846_976.0, "1152921504606846976.0"),
            (-9_007_199_254_740_992.0, "-9007199254740992.0"),
            (1e-7, "1e-7"),
        ] {
            assert_eq!(Scalar::Double(value).to_json(), text);
        }
    }

    #[test]
    fn text_is_escaped_and_dates_become_extended_json() {
        let date = Date::parse("2026-01-31T12:00:00Z").unwrap();
        let value = Value::Object(vec![
            (
                "a\"".to_owned(),
                Value::Array(vec![
                    Value::Scalar(Scalar::Null),
                    Value::Scalar(Scalar::Boolean(true)),
                ]),
            ),
            ("b".to_owned(), Value::Scalar(Scalar::Date(date))),
        ]);
        assert_eq!(
            value.to_json(),
            r#"{"a\"":[null,true],"b":{"$date":"2026-01-31T12:00:00.000Z"}}"#
        );
        assert_eq!(value.depth(), 2);
    }
}
