//! Filters of documents: conditions on fields, joined by `and` and `or`.
//!
//! Names with dots, such as `planned.end`, reach into nested objects. Values of different types are
//! never equal, greater or less.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::extended_json;

/// Conditions that a document must satisfy.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "a filter does nothing by itself"]
pub struct Filter(Map<String, Value>);

/// A value that a field can be compared with.
#[diagnostic::on_unimplemented(
    message = "a field of a document cannot be compared with `{Self}`",
    label = "not a value of a document",
    note = "compare with a `&str`, `String`, `Uuid`, `bool`, `i64`, `u32`, `u64`, `f64`, \
            `OffsetDateTime` or `serde_json::Value`, or an `Option` or reference of one"
)]
pub trait ToValue {
    /// Returns the value in the form of a document. A time becomes a date of Extended JSON.
    fn to_value(&self) -> Value;
}

/// All documents.
pub fn all() -> Filter {
    Filter::default()
}

/// `field` equals `value`. A missing field equals null.
pub fn eq(field: &str, value: impl ToValue) -> Filter {
    Filter::of(field, value.to_value())
}

/// `field` does not equal `value`.
pub fn ne(field: &str, value: impl ToValue) -> Filter {
    compare(field, "$ne", value)
}

/// `field` is greater than `value`.
pub fn gt(field: &str, value: impl ToValue) -> Filter {
    compare(field, "$gt", value)
}

/// `field` is greater than or equal to `value`.
pub fn gte(field: &str, value: impl ToValue) -> Filter {
    compare(field, "$gte", value)
}

/// `field` is less than `value`.
pub fn lt(field: &str, value: impl ToValue) -> Filter {
    compare(field, "$lt", value)
}

/// `field` is less than or equal to `value`.
pub fn lte(field: &str, value: impl ToValue) -> Filter {
    compare(field, "$lte", value)
}

/// `field` equals one of `values`.
pub fn is_in(field: &str, values: impl IntoIterator<Item = impl ToValue>) -> Filter {
    let values: Vec<Value> = values.into_iter().map(|value| value.to_value()).collect();
    compare(field, "$in", Value::Array(values))
}

/// `field` exists, even if it is null (`exists` is true), or does not exist (`exists` is false).
pub fn exists(field: &str, exists: bool) -> Filter {
    compare(field, "$exists", exists)
}

fn compare(field: &str, operator: &str, value: impl ToValue) -> Filter {
    let comparison = Map::from_iter([(operator.to_owned(), value.to_value())]);
    Filter::of(field, Value::Object(comparison))
}

impl Filter {
    fn of(field: &str, condition: Value) -> Self {
        Self(Map::from_iter([(field.to_owned(), condition)]))
    }

    /// Both must hold.
    pub fn and(mut self, other: Self) -> Self {
        for (field, condition) in other.0 {
            self.add(field, condition);
        }
        self
    }

    /// Like [`Self::and`] if `other` is `Some`; otherwise the filter is unchanged.
    pub fn and_maybe(self, other: Option<Self>) -> Self {
        match other {
            Some(other) => self.and(other),
            None => self,
        }
    }

    /// One of them must hold.
    pub fn or(self, other: Self) -> Self {
        let either = [self, other].map(|filter| Value::Object(filter.0));
        Self::of("$or", Value::Array(either.into()))
    }

    /// Two comparisons of one field become one object, such as `{"$gte": 1, "$lt": 5}`. Conditions
    /// that cannot be joined go under `$and`.
    fn add(&mut self, field: String, condition: Value) {
        let Some(existing) = self.0.get_mut(&field) else {
            self.0.insert(field, condition);
            return;
        };
        match (existing, condition) {
            (Value::Array(all), Value::Array(more)) if field == "$and" => all.extend(more),
            (Value::Object(first), Value::Object(second)) if can_join(first, &second) => {
                first.extend(second);
            }
            (_, condition) => {
                let condition = Self::of(&field, condition).0;
                let and = Value::Array(vec![Value::Object(condition)]);
                self.add("$and".to_owned(), and);
            }
        }
    }

    /// The filter as the interface takes it.
    pub(super) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }

    #[cfg(test)]
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// For log lines and tests: the filter as JSON.
impl std::fmt::Display for Filter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.clone().into_json())
    }
}

/// Whether both are comparisons, and their operators differ.
fn can_join(first: &Map<String, Value>, second: &Map<String, Value>) -> bool {
    let is_comparison = |name: &String| name.starts_with('$') && name != "$date";
    first.keys().chain(second.keys()).all(is_comparison)
        && !second.keys().any(|operator| first.contains_key(operator))
}

impl ToValue for OffsetDateTime {
    fn to_value(&self) -> Value {
        extended_json::date(*self)
    }
}

impl ToValue for Uuid {
    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

macro_rules! to_value {
    ($($ty:ty)+) => {$(
        impl ToValue for $ty {
            fn to_value(&self) -> Value {
                Value::from(self.to_owned())
            }
        }
    )+};
}
to_value! { str String bool i32 i64 u32 u64 f64 Value }

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn conditions_on_different_fields_share_an_object() {
        let filter = eq("user_id", "u1").and(is_in("action", ["a", "b"]));
        let expected = json!({"user_id": "u1", "action": {"$in": ["a", "b"]}});
        assert_eq!(filter.to_value(), expected);
        assert_eq!(all().to_value(), json!({}));
        assert_eq!(
            all().and(eq("a", None::<i64>)).to_value(),
            json!({"a": null})
        );
    }

    #[test]
    fn comparisons_of_one_field_are_joined() {
        let moment = datetime!(2026-01-31 12:00 UTC);
        let date = json!({"$date": "2026-01-31T12:00:00.000Z"});
        let filter = gte("at", moment).and(lt("at", moment));
        assert_eq!(
            filter.to_value(),
            json!({"at": {"$gte": date, "$lt": date}})
        );
    }

    #[test]
    fn conditions_that_cannot_be_joined_are_all_kept() {
        let filter = eq("a", 1_i64).and(eq("a", 2_i64)).and(gt("a", 3_i64));
        let expected = json!({"a": 1, "$and": [{"a": 2}, {"a": {"$gt": 3}}]});
        assert_eq!(filter.to_value(), expected);
        let moment = datetime!(2026-01-31 12:00 UTC);
        let filter = eq("at", moment).and(lt("at", moment)).to_value();
        assert!(
            filter["at"]["$date"].is_string() && filter["$and"].is_array(),
            "{filter}"
        );
    }

    #[test]
    fn either_of_two_filters_may_hold() {
        let either = || eq("a", 1_i64).or(eq("b", 2_i64));
        let expected = json!({"$or": [{"a": 1}, {"b": 2}]});
        assert_eq!(either().to_value(), expected);
        let both = either().and(either());
        assert_eq!(both.to_value()["$and"], json!([expected]));
    }
}
