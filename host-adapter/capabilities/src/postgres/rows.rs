//! Values on their way out of a result, counted while they arrive.

use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    Column as _, Decode, Either, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgQueryResult, PgRow, PgValueRef},
    types::{JsonRawValue, Uuid},
};
use time::{OffsetDateTime, UtcOffset, format_description::FormatItem, macros::format_description};

use super::{Error, Outcome, PostgresSettings, Row, Value, parameters::is_text};

/// RFC 3339 with the microseconds that PostgreSQL keeps.
const TIMESTAMP: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Reads a result to its end, or to the limit.
pub(super) async fn collect(
    mut results: impl Stream<Item = Result<Either<PgQueryResult, PgRow>, sqlx::Error>> + Unpin,
    limits: PostgresSettings,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    let mut bytes = 0_usize;
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(done) => outcome.affected += done.rows_affected(),
            Either::Right(row) => {
                let returned = &mut outcome.returned;
                if returned.rows.len() == limits.max_rows {
                    return Err(Error::TooLarge(format!(
                        "the result has more than {} rows",
                        limits.max_rows
                    )));
                }
                if returned.rows.is_empty() {
                    let columns = row.columns().iter();
                    returned.columns = columns.map(|column| column.name().to_owned()).collect();
                }
                returned
                    .rows
                    .push(decode(&row, &mut bytes, limits.max_bytes)?);
            }
        }
    }
    Ok(outcome)
}

fn decode(row: &PgRow, bytes: &mut usize, limit: usize) -> Result<Row, Error> {
    let mut values = Vec::with_capacity(row.len());
    for index in 0..row.len() {
        let raw = row.try_get_raw(index)?;
        *bytes += raw.as_bytes().map_or(0, <[u8]>::len);
        if *bytes > limit {
            return Err(Error::TooLarge(format!(
                "the result has more than {limit} bytes"
            )));
        }
        let value = value(raw).map_err(|error| {
            let column = row.columns().get(index).map_or("", |column| column.name());
            Error::Invalid(format!("column `{column}`: {error}"))
        })?;
        values.push(value);
    }
    Ok(values)
}

fn value(raw: PgValueRef<'_>) -> Result<Value, sqlx::error::BoxDynError> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let info = raw.type_info().into_owned();
    Ok(match info.name() {
        "INT8" => Value::Int64(<i64 as Decode<Postgres>>::decode(raw)?),
        "INT4" => Value::Int64(<i32 as Decode<Postgres>>::decode(raw)?.into()),
        "INT2" => Value::Int64(<i16 as Decode<Postgres>>::decode(raw)?.into()),
        "BOOL" => Value::Boolean(<bool as Decode<Postgres>>::decode(raw)?),
        "FLOAT8" => finite(<f64 as Decode<Postgres>>::decode(raw)?)?,
        "FLOAT4" => finite(<f32 as Decode<Postgres>>::decode(raw)?.into())?,
        "BYTEA" => Value::Bytes(<Vec<u8> as Decode<Postgres>>::decode(raw)?),
        "UUID" => Value::Uuid(
            <Uuid as Decode<Postgres>>::decode(raw)?
                .hyphenated()
                .to_string(),
        ),
        "TIMESTAMPTZ" => Value::Timestamp(timestamp(
            <OffsetDateTime as Decode<Postgres>>::decode(raw)?,
        )?),
        "JSONB" | "JSON" => Value::Json(
            <&JsonRawValue as Decode<Postgres>>::decode(raw)?
                .get()
                .to_owned(),
        ),
        _ if is_text(&info) => Value::Text(raw.as_str()?.to_owned()),
        other => {
            return Err(
                format!("type `{other}` is not supported, cast it in the statement").into(),
            );
        }
    })
}

/// JSON, by which the value may have to travel, has no other numbers.
fn finite(value: f64) -> Result<Value, sqlx::error::BoxDynError> {
    if value.is_finite() {
        Ok(Value::Float64(value))
    } else {
        Err(format!("`{value}` is not a finite number, cast it in the statement").into())
    }
}

fn timestamp(moment: OffsetDateTime) -> Result<String, sqlx::error::BoxDynError> {
    Ok(moment.to_offset(UtcOffset::UTC).format(TIMESTAMP)?)
}
