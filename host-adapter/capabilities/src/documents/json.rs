//! A strict parser from JSON text to [`Value`].
//!
//! `serde_json::Value` is not suitable: it loses the order of fields, silently keeps the last of several
//! fields of the same name, and allows deeper nesting than the stores.

use std::{cell::Cell, collections::HashSet, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{
    Date, Error, Fields, Scalar, Value,
    limits::{self, MAX_NESTING, MAX_TEXT},
};

/// Parses a caller's text. `what` names the text in errors, for example `the filter`.
pub(super) fn parse(text: &str, what: &str) -> Result<Value, Error> {
    if text.len() > MAX_TEXT {
        return Err(limits::too_long(what));
    }
    parse_stored(text, what)
}

/// Parses stored text of any length: a store may have added blanks to it.
pub(super) fn parse_stored(text: &str, what: &str) -> Result<Value, Error> {
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Nested {
        depth: 0,
        what,
        fault: &fault,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| match fault.take() {
        Some(fault) => fault,
        None => Error::Invalid(format!("{what} is not JSON: {error}")),
    })
}

/// Deserializes a value that is nested in `depth` arrays and objects.
#[derive(Clone, Copy)]
struct Nested<'a> {
    depth: usize,
    what: &'a str,
    /// The error, unless it is a syntax error. A serde error can carry only text.
    fault: &'a Cell<Option<Error>>,
}

impl Nested<'_> {
    fn reject<T, E: de::Error>(self, error: Error) -> Result<T, E> {
        self.fault.set(Some(error));
        Err(E::custom("rejected"))
    }

    fn invalid<T, E: de::Error>(self, why: &str) -> Result<T, E> {
        self.reject(Error::Invalid(format!("{} {why}", self.what)))
    }

    fn descend<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_NESTING {
            return self.reject(limits::too_deep(self.what));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// Rejects NUL characters: JSONB cannot store them, and one in a name would end the name in BSON.
    fn check_text<E: de::Error>(self, text: String) -> Result<String, E> {
        if text.contains('\0') {
            self.invalid("contains a NUL character")
        } else {
            Ok(text)
        }
    }

    /// Converts `{"$date": …}` to a date, and any other fields to an object.
    fn object_or_date<E: de::Error>(self, fields: Fields) -> Result<Value, E> {
        let [(name, value)] = fields.as_slice() else {
            return Ok(Value::Object(fields));
        };
        if name != "$date" {
            return Ok(Value::Object(fields));
        }
        let date = match value {
            Value::Scalar(Scalar::String(text)) => Date::parse(text),
            _ => None,
        };
        match date {
            Some(date) => Ok(Value::Scalar(Scalar::Date(date))),
            None => self.invalid("has a `$date` that is not like `2026-01-31T12:00:00.000Z`"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Scalar(Scalar::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(Scalar::Boolean(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(Scalar::Integer(value)))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "BSON does not have larger integers, so they become doubles"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(
            i64::try_from(value).map_or(Scalar::Double(value as f64), Scalar::Integer),
        ))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // MongoDB would return a negative zero, which JSONB cannot store.
        Ok(Value::Scalar(Scalar::Double(if value == 0.0 {
            0.0
        } else {
            value
        })))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Scalar(Scalar::String(self.check_text(value)?)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let inner = self.descend()?;
        let mut values = Vec::new();
        while let Some(value) = array.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.descend()?;
        let mut names = HashSet::new();
        let mut fields = Fields::new();
        while let Some(name) = object.next_key::<String>()? {
            let name = self.check_text(name)?;
            if !names.insert(name.clone()) {
                return self.invalid(&format!("has the key `{name}` twice in one object"));
            }
            fields.push((name, object.next_value_seed(inner)?));
        }
        self.object_or_date(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> Result<String, Error> {
        parse(text, "the document").map(|value| value.to_json())
    }

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn values_keep_type_and_field_order() {
        for text in [
            "null",
            r#"{"b":1,"a":[true,false,1.5,"x",{}],"":-7}"#,
            "9223372036854775807",
            "-9223372036854775808",
            r#"{"at":{"$date":"2026-01-31T12:00:00.000Z"}}"#,
        ] {
            assert_eq!(round_trip(text).unwrap(), text);
        }
    }

    #[test]
    fn numbers_beyond_64_bits_become_doubles() {
        assert_eq!(
            round_trip("9223372036854775808").unwrap(),
            "9223372036854775808.0"
        );
        assert_eq!(
            round_trip("18446744073709551615").unwrap(),
            "18446744073709551616.0"
        );
        assert_eq!(round_trip("-0.0").unwrap(), "0.0");
        assert_eq!(round_trip("1e25").unwrap(), "10000000000000000905969664.0");
    }

    #[test]
    fn text_that_a_store_cannot_hold_is_invalid() {
        for text in [
            "",
            "{",
            "{} {}",
            "NaN",
            "Infinity",
            "1e400",
            r#""\u0000""#,
            r#"{"a\u0000":1}"#,
            r#""\ud800""#,
            r#"{"a":1,"a":2}"#,
            r#"{"$date":5}"#,
            r#"{"a":[{"$date":"today"}]}"#,
        ] {
            assert!(matches!(round_trip(text), Err(Error::Invalid(_))), "{text}");
        }
    }

    #[test]
    fn nesting_above_the_limit_is_too_large() {
        assert!(round_trip(&nested(MAX_NESTING)).is_ok());
        for levels in [MAX_NESTING + 1, 129, 500_000] {
            assert!(
                matches!(round_trip(&nested(levels)), Err(Error::TooLarge(_))),
                "{levels}"
            );
        }
    }

    #[test]
    fn text_above_the_limit_is_too_large() {
        let text = format!("\"{}\"", "x".repeat(MAX_TEXT - 2));
        assert!(round_trip(&text).is_ok());
        assert!(matches!(
            round_trip(&format!("{text} ")),
            Err(Error::TooLarge(_))
        ));
    }
}
