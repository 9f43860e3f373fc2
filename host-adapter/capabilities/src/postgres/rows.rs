//! Decodes the rows of a result, and checks its size while the rows arrive.

use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    Column as _, Decode, Either, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgQueryResult, PgRow, PgValueRef},
    types::{JsonRawValue, Uuid},
};
use time::{OffsetDateTime, UtcOffset, format_description::FormatItem, macros::format_description};

use super::{Error, Outcome, PostgresSettings, Row, Value, parameters::is_text};

/// RFC 3339 with microseconds, which is the precision of PostgreSQL.
const TIMESTAMP: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Reads a result to its end. Fails if it is larger than `limits`.
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
                        "the result has more than {} rows; use a smaller `limit`",
                        limits.max_rows
                    )));
                }
                if returned.rows.is_empty() {
                    let columns = row.columns().iter();
                    returned.columns = columns.map(|column| column.name().to_owned()).collect();
                }
                returned
                    .rows
                    .push(decode_row(&row, &mut bytes, limits.max_bytes)?);
            }
        }
    }
    Ok(outcome)
}

fn decode_row(row: &PgRow, bytes: &mut usize, limit: usize) -> Result<Row, Error> {
    let mut values = Vec::with_capacity(row.len());
    for index in 0..row.len() {
        let raw = row.try_get_raw(index)?;
        *bytes += raw.as_bytes().map_or(0, <[u8]>::len);
        if *bytes > limit {
            return Err(Error::TooLarge(format!(
                "the result has more than {limit} bytes; select fewer rows or columns"
            )));
        }
        let value = decode_value(raw).map_err(|error| {
            let column = row.columns().get(index).map_or("", |column| column.name());
            Error::Invalid(format!("column `{column}`: {error}"))
        })?;
        values.push(value);
    }
    Ok(values)
}

fn decode_value(raw: PgValueRef<'_>) -> Result<Value, sqlx::error::BoxDynError> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let info = raw.type_info().into_owned();
    Ok(match info.name() {
        "INT8" => Value::Int64(<i64 as Decode<Postgres>>::decode(raw)?),
        "INT4" => Value::Int64(<i32 as Decode<Postgres>>::decode(raw)?.into()),
        "INT2" => Value::Int64(<i16 as Decode<Postgres>>::decode(raw)?.into()),
        "BOOL" => Value::Boolean(<bool as Decode<Postgres>>::decode(raw)?),
        "FLOAT8" => finite_number(<f64 as Decode<Postgres>>::decode(raw)?)?,
        "FLOAT4" => finite_number(<f32 as Decode<Postgres>>::decode(raw)?.into())?,
        "BYTEA" => Value::Bytes(<Vec<u8> as Decode<Postgres>>::decode(raw)?),
        "UUID" => Value::Uuid(
            <Uuid as Decode<Postgres>>::decode(raw)?
                .hyphenated()
                .to_string(),
        ),
        "TIMESTAMPTZ" => Value::Timestamp(format_timestamp(<OffsetDateTime as Decode<
            Postgres,
        >>::decode(raw)?)?),
        "JSONB" | "JSON" => Value::Json(
            <&JsonRawValue as Decode<Postgres>>::decode(raw)?
                .get()
                .to_owned(),
        ),
        _ if is_text(&info) => Value::Text(raw.as_str()?.to_owned()),
        other => {
            return Err(
                format!("type `{other}` is not supported; cast it in the statement").into(),
            );
        }
    })
}

/// Rejects numbers that are not finite, because the adapter's API sends values as JSON.
fn finite_number(value: f64) -> Result<Value, sqlx::error::BoxDynError> {
    if value.is_finite() {
        Ok(Value::Float64(value))
    } else {
        Err(format!("`{value}` is not a finite number; cast it in the statement").into())
    }
}

fn format_timestamp(moment: OffsetDateTime) -> Result<String, sqlx::error::BoxDynError> {
    Ok(moment.to_offset(UtcOffset::UTC).format(TIMESTAMP)?)
}
