//! A stretch of time to search in, as the parameters `from` and `to`: timestamps, or whole days in
//! UTC, of which the last one belongs to it.

use serde_json::{Map, Value};
use time::{Date, OffsetDateTime};

use super::{Fields, FromFields, Violation, rules};
use crate::{clock, extended_json};

/// From a moment, which belongs to it, to a moment, which does not; open where one is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Option<OffsetDateTime>,
    /// The first moment after it.
    pub to: Option<OffsetDateTime>,
}

impl FromFields for Period {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let from = fields.optional("from", beginning);
        let to = fields.optional("to", end);
        let (from, to) = (from?, to?);
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            fields.refuse("to", Violation::new("order", "has to be after `from`"));
            return None;
        }
        Some(Self { from, to })
    }
}

impl Period {
    /// What a document's date must satisfy, for a filter: `{"$gte": …, "$lt": …}`. None for all
    /// times.
    #[must_use]
    pub fn condition(&self) -> Option<Value> {
        let bounds = [("$gte", self.from), ("$lt", self.to)];
        let bounds: Map<String, Value> = bounds
            .into_iter()
            .filter_map(|(operator, moment)| {
                Some((operator.to_owned(), extended_json::date(moment?)))
            })
            .collect();
        (!bounds.is_empty()).then_some(Value::Object(bounds))
    }
}

fn beginning(value: Value) -> Result<OffsetDateTime, Violation> {
    match day(&value) {
        Some(day) => Ok(day.midnight().assume_utc()),
        None => moment(value),
    }
}

fn end(value: Value) -> Result<OffsetDateTime, Violation> {
    match day(&value).and_then(Date::next_day) {
        Some(day) => Ok(day.midnight().assume_utc()),
        None => moment(value),
    }
}

fn moment(value: Value) -> Result<OffsetDateTime, Violation> {
    rules::timestamp(value).map_err(|_| {
        let message =
            "has to be a timestamp such as 2026-01-31T12:00:00Z or a day such as 2026-01-31";
        Violation::new("format", message)
    })
}

fn day(value: &Value) -> Option<Date> {
    let day = clock::read_day(value.as_str()?)?;
    (0..=9999).contains(&day.year()).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_period_is_open_where_nothing_is_said() {
        let period: Period = read(json!({})).unwrap();
        assert_eq!(period, Period::default());
        assert_eq!(period.condition(), None);
        let period: Period = read(json!({"from": "2026-01-31T12:00:00Z"})).unwrap();
        let expected = json!({"$gte": {"$date": "2026-01-31T12:00:00.000Z"}});
        assert_eq!(period.condition(), Some(expected));
    }

    #[test]
    fn days_are_whole() {
        let day = json!({"from": "2026-01-31", "to": "2026-01-31"});
        let period: Period = read(day).unwrap();
        let expected = json!({
            "$gte": {"$date": "2026-01-31T00:00:00.000Z"},
            "$lt": {"$date": "2026-02-01T00:00:00.000Z"},
        });
        assert_eq!(period.condition(), Some(expected));
        for text in ["2026-02-30", "9999-12-31", "-2026-01-31", "2026-1-1", ""] {
            assert!(read::<Period>(json!({"to": text})).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_has_to_go_forward() {
        let moment = "2026-01-31T12:00:00Z";
        let problem = read::<Period>(json!({"from": moment, "to": moment})).unwrap_err();
        assert!(format!("{problem:?}").contains("/to"), "{problem:?}");
    }
}
