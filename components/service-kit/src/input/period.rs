//! A period to search in, as the parameters `from` and `to`: timestamps, or whole days in UTC. The
//! day `to` belongs to the period.

use serde_json::{Value, json};
use time::{Date, OffsetDateTime};

use super::{Fields, FromFields, Rule, Violation, rule, rules};
use crate::clock;
use crate::collection::Filter;
use crate::collection::filter::{gte, lt};
use crate::openapi::{Properties, Property};

/// From the moment `from` up to, but not including, the moment `to`; unbounded where one is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Option<OffsetDateTime>,
    /// The first moment after it.
    pub to: Option<OffsetDateTime>,
}

impl FromFields for Period {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let from = fields.optional("from", rule(schema, beginning));
        let to = fields.optional("to", rule(schema, end));
        let (from, to) = (from?, to?);
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            fields.reject("to", Violation::new("order", "has to be after `from`"));
            return None;
        }
        Some(Self { from, to })
    }

    fn describe(properties: &mut Properties) {
        let from = "The first moment, or the first day in UTC.";
        properties.add(Property::new("from", schema()).optional().described(from));
        let to = "The first moment after the period, or its last day in UTC. Later than `from`.";
        properties.add(Property::new("to", schema()).optional().described(to));
    }
}

/// A timestamp or a day.
fn schema() -> Value {
    let format = |format| json!({"type": "string", "format": format});
    json!({"anyOf": [format("date-time"), format("date")]})
}

impl Period {
    /// The filter for documents whose date `field` is in the period. None without bounds.
    #[must_use]
    pub fn filter(&self, field: &str) -> Option<Filter> {
        let from = self.from.map(|from| gte(field, from));
        let to = self.to.map(|to| lt(field, to));
        match (from, to) {
            (Some(from), to) => Some(from.and_maybe(to)),
            (None, to) => to,
        }
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
    rules::timestamp().read(value).map_err(|_| {
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
    fn a_period_is_unbounded_by_default() {
        let period: Period = read(json!({})).unwrap();
        assert_eq!(period, Period::default());
        assert_eq!(period.filter("at"), None);
        let date = json!({"$date": "2026-01-31T12:00:00.000Z"});
        for (name, operator) in [("from", "$gte"), ("to", "$lt")] {
            let period: Period = read(json!({name: "2026-01-31T12:00:00Z"})).unwrap();
            let filter = period.filter("at").unwrap().to_value();
            assert_eq!(filter, json!({"at": {operator: date}}));
        }
    }

    #[test]
    fn days_are_whole() {
        let day = json!({"from": "2026-01-31", "to": "2026-01-31"});
        let period: Period = read(day).unwrap();
        let expected = json!({"at": {
            "$gte": {"$date": "2026-01-31T00:00:00.000Z"},
            "$lt": {"$date": "2026-02-01T00:00:00.000Z"},
        }});
        assert_eq!(period.filter("at").unwrap().to_value(), expected);
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
