//! Types that a column can be read as.

use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::Json;
use crate::adapter::postgres::Value;

/// A type that a column can be read as.
#[diagnostic::on_unimplemented(
    message = "a column cannot be read as `{Self}`",
    label = "not the type of a column",
    note = "a column is a `String`, `Uuid`, `bool`, `i16`, `i32`, `i64`, `u32`, `u64`, `f64`, \
            `OffsetDateTime`, `Vec<u8>` or `serde_json::Value`; if it may be null, an `Option` of one",
    note = "read `json` and `jsonb` into any other type that serde can read with `Json<T>`"
)]
pub trait FromColumn: Sized {
    /// Reads a column.
    ///
    /// # Errors
    /// If the column has another type. The text says what was expected and what was found.
    fn from_column(value: Value) -> Result<Self, String>;
}

macro_rules! from_column {
    ($($ty:ty: $kind:ident => $expected:literal;)+) => {$(
        impl FromColumn for $ty {
            fn from_column(value: Value) -> Result<Self, String> {
                match value {
                    Value::$kind(value) => value.try_into().map_err(|_| out_of_range($expected)),
                    other => Err(mismatch($expected, &other)),
                }
            }
        }
    )+};
}

from_column! {
    bool: Boolean => "a boolean";
    i16: Int64 => "a 16-bit integer";
    i32: Int64 => "a 32-bit integer";
    i64: Int64 => "an integer";
    u32: Int64 => "an integer from 0 to 2^32 - 1";
    u64: Int64 => "an integer of at least 0";
    f64: Float64 => "a float";
    String: Text => "text";
    Vec<u8>: Bytes => "bytes";
}

impl FromColumn for Uuid {
    fn from_column(value: Value) -> Result<Self, String> {
        match value {
            Value::Uuid(text) => Self::parse_str(&text).map_err(|error| error.to_string()),
            other => Err(mismatch("a uuid", &other)),
        }
    }
}

/// With microseconds, as PostgreSQL stores it.
impl FromColumn for OffsetDateTime {
    fn from_column(value: Value) -> Result<Self, String> {
        match value {
            Value::Timestamp(text) => {
                Self::parse(&text, &Rfc3339).map_err(|error| error.to_string())
            }
            other => Err(mismatch("a timestamp", &other)),
        }
    }
}

impl FromColumn for serde_json::Value {
    fn from_column(value: Value) -> Result<Self, String> {
        Json::from_column(value).map(|Json(value)| value)
    }
}

impl<T: DeserializeOwned> FromColumn for Json<T> {
    fn from_column(value: Value) -> Result<Self, String> {
        match value {
            Value::Json(text) => {
                let value = serde_json::from_str(&text);
                value.map(Json).map_err(|error| error.to_string())
            }
            other => Err(mismatch("json", &other)),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            value => T::from_column(value).map(Some),
        }
    }
}

fn out_of_range(expected: &str) -> String {
    format!("expected {expected}, got a number outside of it")
}

fn mismatch(expected: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Int64(_) => "an integer",
        Value::Float64(_) => "a float",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Uuid(_) => "a uuid",
        Value::Timestamp(_) => "a timestamp",
        Value::Json(_) => "json",
    };
    format!("expected {expected}, got {found}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn columns_are_read_by_type() {
        let moment = Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned());
        let expected = datetime!(2026-01-31 12:00:00.000001 UTC);
        assert_eq!(OffsetDateTime::from_column(moment), Ok(expected));
        let json = Value::Json("[1,2]".to_owned());
        assert_eq!(Json::<Vec<u8>>::from_column(json), Ok(Json(vec![1, 2])));
        assert_eq!(i16::from_column(Value::Int64(-7)), Ok(-7));
        assert_eq!(Option::<f64>::from_column(Value::Null), Ok(None));
    }

    #[test]
    fn another_type_and_a_number_out_of_range_are_errors() {
        let error = bool::from_column(Value::Null).unwrap_err();
        assert_eq!(error, "expected a boolean, got null");
        assert!(i16::from_column(Value::Int64(40_000)).is_err());
        assert!(u64::from_column(Value::Int64(-1)).is_err());
        assert!(Uuid::from_column(Value::Text("a".to_owned())).is_err());
    }
}
