//! Encodes the parameters of a statement, each as the type that the statement expects.

use sqlx::{Arguments as _, Either, Statement as _};
use sqlx::{
    Postgres, Type, TypeInfo as _,
    encode::{Encode, IsNull},
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgStatement, PgTypeInfo, PgTypeKind},
    types::{Json, Uuid},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Error, Value};

/// Encodes `params` for `statement`.
///
/// PostgreSQL reports the expected types when it prepares a statement. Using them, an `int64` can be a
/// `smallint`, an `integer` or a `bigint`, and a mismatch gets a clear error.
pub(super) fn encode(statement: &PgStatement, params: &[Value]) -> Result<PgArguments, Error> {
    let Some(Either::Left(expected)) = statement.parameters() else {
        return Err(Error::Invalid(
            "PostgreSQL did not report the types of the statement's parameters".into(),
        ));
    };
    if expected.len() != params.len() {
        let (expected, given) = (expected.len(), params.len());
        return Err(Error::Invalid(format!(
            "the statement has {expected} parameters, but the call has {given}"
        )));
    }
    let mut arguments = PgArguments::default();
    for (index, (value, expected)) in params.iter().zip(expected).enumerate() {
        let parameter = Parameter { value, expected };
        arguments
            .add(parameter)
            .map_err(|error| Error::Invalid(format!("parameter `${}`: {error}", index + 1)))?;
    }
    Ok(arguments)
}

struct Parameter<'a> {
    value: &'a Value,
    expected: &'a PgTypeInfo,
}

impl Type<Postgres> for Parameter<'_> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl<'q> Encode<'q, Postgres> for Parameter<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let expected = self.expected.name();
        match (self.value, expected) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Boolean(value), "BOOL") => Encode::<Postgres>::encode(*value, buffer),
            (Value::Int64(value), "INT8") => Encode::<Postgres>::encode(*value, buffer),
            (Value::Int64(value), "INT4") => {
                Encode::<Postgres>::encode(i32::try_from(*value)?, buffer)
            }
            (Value::Int64(value), "INT2") => {
                Encode::<Postgres>::encode(i16::try_from(*value)?, buffer)
            }
            (Value::Float64(value), _) if !value.is_finite() => {
                Err(format!("`{value}` is not a finite number").into())
            }
            (Value::Float64(value), "FLOAT8") => Encode::<Postgres>::encode(*value, buffer),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`real` is what the statement asked for"
            )]
            (Value::Float64(value), "FLOAT4") => Encode::<Postgres>::encode(*value as f32, buffer),
            (Value::Bytes(value), "BYTEA") => Encode::<Postgres>::encode(value.as_slice(), buffer),
            (Value::Uuid(value), "UUID") => {
                Encode::<Postgres>::encode(Uuid::parse_str(value)?, buffer)
            }
            (Value::Timestamp(value), "TIMESTAMPTZ") => {
                Encode::<Postgres>::encode(OffsetDateTime::parse(value, &Rfc3339)?, buffer)
            }
            (Value::Json(value), "JSONB" | "JSON") => {
                let value: Box<serde_json::value::RawValue> = serde_json::from_str(value)?;
                Encode::<Postgres>::encode(Json(value), buffer)
            }
            (Value::Text(value), _) if is_text(self.expected) => {
                Encode::<Postgres>::encode(value.as_str(), buffer)
            }
            (value, _) => Err(format!(
                "the statement expects `{expected}` here, not {}",
                kind_name(value)
            )
            .into()),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.expected.clone())
    }
}

/// Whether the binary form of the type is its text.
pub(super) fn is_text(info: &PgTypeInfo) -> bool {
    matches!(
        info.name(),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN"
    ) || matches!(info.kind(), PgTypeKind::Enum(_))
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "`null`",
        Value::Boolean(_) => "`boolean`",
        Value::Int64(_) => "`int64`",
        Value::Float64(_) => "`float64`",
        Value::Text(_) => "`text`",
        Value::Bytes(_) => "`bytes`",
        Value::Uuid(_) => "`uuid`",
        Value::Timestamp(_) => "`timestamp`",
        Value::Json(_) => "`json`",
    }
}
