//! Conversions between values and BSON.
//!
//! A result is serialized as JSON text directly from the received bytes, without an intermediate tree.

use mongodb::bson::{
    Bson, DateTime, RawBsonRef, RawDocument,
    raw::{CString, RawArrayBuf, RawBson, RawDocumentBuf},
};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _, SerializeSeq as _},
};
use time::{OffsetDateTime, UtcOffset};

use super::super::{Date, Error, Fields, Scalar, Value, value};

/// Converts a scalar. An integer that fits becomes 32 bits, as MongoDB's own parsers of Extended JSON do.
pub(super) fn scalar(scalar: &Scalar) -> Bson {
    match scalar {
        Scalar::Null => Bson::Null,
        Scalar::Boolean(value) => Bson::Boolean(*value),
        Scalar::Integer(value) => i32::try_from(*value).map_or(Bson::Int64(*value), Bson::Int32),
        Scalar::Double(value) => Bson::Double(*value),
        Scalar::String(value) => Bson::String(value.clone()),
        Scalar::Date(date) => Bson::DateTime(to_date_time(*date)),
    }
}

/// Converts a value of an update.
pub(super) fn value(value: &Value) -> Bson {
    match value {
        Value::Scalar(scalar) => self::scalar(scalar),
        Value::Array(values) => Bson::Array(values.iter().map(self::value).collect()),
        Value::Object(fields) => Bson::Document(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), self::value(value)))
                .collect(),
        ),
    }
}

/// Serializes the fields of a document to be sent.
pub(super) fn document(fields: &Fields) -> Result<RawDocumentBuf, Error> {
    let mut document = RawDocumentBuf::new();
    for (name, value) in fields {
        document.append(self::name(name)?, raw(value)?);
    }
    Ok(document)
}

/// Converts the name of a field.
pub(super) fn name(name: &str) -> Result<CString, Error> {
    CString::try_from(name)
        .map_err(|_| Error::Invalid("a field name contains a NUL character".to_owned()))
}

fn raw(value: &Value) -> Result<RawBson, Error> {
    Ok(match value {
        Value::Object(fields) => RawBson::Document(document(fields)?),
        Value::Array(values) => {
            let mut array = RawArrayBuf::new();
            for value in values {
                array.push(raw(value)?);
            }
            RawBson::Array(array)
        }
        Value::Scalar(Scalar::Null) => RawBson::Null,
        Value::Scalar(Scalar::Boolean(value)) => RawBson::Boolean(*value),
        Value::Scalar(Scalar::Integer(value)) => {
            i32::try_from(*value).map_or(RawBson::Int64(*value), RawBson::Int32)
        }
        Value::Scalar(Scalar::Double(value)) => RawBson::Double(*value),
        Value::Scalar(Scalar::String(value)) => RawBson::String(value.clone()),
        Value::Scalar(Scalar::Date(date)) => RawBson::DateTime(to_date_time(*date)),
    })
}

fn to_date_time(date: Date) -> DateTime {
    let milliseconds = date.time().unix_timestamp_nanos().div_euclid(1_000_000);
    // The years 0 to 9999 are far from the limits of the type.
    DateTime::from_millis(milliseconds.try_into().unwrap_or(i64::MAX))
}

/// Serializes a received document as relaxed Extended JSON.
pub(super) fn document_text(document: &RawDocument) -> String {
    value::to_json(&JsonText(RawBsonRef::Document(document)))
}

/// Serializes a received value as relaxed Extended JSON.
pub(super) fn text(value: RawBsonRef<'_>) -> String {
    value::to_json(&JsonText(value))
}

struct JsonText<'a>(RawBsonRef<'a>);

impl Serialize for JsonText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawBsonRef::Document(document) => {
                let mut map = serializer.serialize_map(None)?;
                for element in document {
                    let (name, value) = element.map_err(S::Error::custom)?;
                    map.serialize_entry(name.as_str(), &JsonText(value))?;
                }
                map.end()
            }
            RawBsonRef::Array(array) => {
                let mut sequence = serializer.serialize_seq(None)?;
                for element in array {
                    sequence.serialize_element(&JsonText(element.map_err(S::Error::custom)?))?;
                }
                sequence.end()
            }
            RawBsonRef::Null => serializer.serialize_unit(),
            RawBsonRef::Boolean(value) => serializer.serialize_bool(value),
            RawBsonRef::Int32(value) => serializer.serialize_i32(value),
            RawBsonRef::Int64(value) => serializer.serialize_i64(value),
            RawBsonRef::Double(value) if value.is_finite() => serializer.serialize_f64(value),
            RawBsonRef::String(value) => serializer.serialize_str(value),
            RawBsonRef::DateTime(value) => match to_date(value) {
                Some(date) => Scalar::Date(date).serialize(serializer),
                None => serialize_foreign(self.0, serializer),
            },
            other => serialize_foreign(other, serializer),
        }
    }
}

/// Serializes a value that only another program can have stored, as Extended JSON defines it.
fn serialize_foreign<S: Serializer>(
    value: RawBsonRef<'_>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        RawBsonRef::Double(number) => {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry("$numberDouble", &non_finite_name(number))?;
            map.end()
        }
        value => value.serialize(serializer),
    }
}

/// The name of a double that JSON numbers cannot represent.
fn non_finite_name(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn to_date(time: DateTime) -> Option<Date> {
    let nanoseconds = i128::from(time.timestamp_millis()) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
    Date::new(time.to_offset(UtcOffset::UTC))
}

#[cfg(test)]
mod tests {
    use super::super::super::json;
    use super::*;
    use mongodb::bson::{oid::ObjectId, rawdoc};

    #[test]
    fn documents_keep_types_and_order() {
        let text = r#"{"z":1,"big":9007199254740993,"a":{"":[null,true,1.5,"é",{}]},"at":{"$date":"1969-12-31T23:59:59.999Z"}}"#;
        let Value::Object(fields) = json::parse(text, "the document").unwrap() else {
            panic!("the document is not an object");
        };
        let document = document(&fields).unwrap();
        assert_eq!(document_text(&document), text);
        assert!(matches!(document.get("z"), Ok(Some(RawBsonRef::Int32(1)))));
        assert!(matches!(
            document.get("big"),
            Ok(Some(RawBsonRef::Int64(_)))
        ));
        assert!(
            matches!(document.get("at"), Ok(Some(RawBsonRef::DateTime(at))) if at.timestamp_millis() == -1)
        );
    }

    #[test]
    fn foreign_types_become_extended_json() {
        let id = ObjectId::from_bytes([7; 12]);
        let document = rawdoc! { "_id": id, "n": f64::NAN, "at": DateTime::MAX };
        assert_eq!(
            document_text(&document),
            r#"{"_id":{"$oid":"070707070707070707070707"},"n":{"$numberDouble":"NaN"},"at":{"$date":{"$numberLong":"9223372036854775807"}}}"#
        );
    }

    #[test]
    fn years_0_to_9999_are_dates() {
        for text in ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
            let date = Date::parse(text).unwrap();
            assert_eq!(to_date(to_date_time(date)), Some(date));
        }
    }
}
