//! Changes of documents.

use serde::Serialize;
use serde_json::{Map, Value};

use super::filter::ToValue;
use crate::Failure;

/// A change of every document that matches.
#[derive(Debug)]
#[must_use = "an update does nothing by itself"]
pub struct Update(Result<Map<String, Value>, Failure>);

impl Update {
    /// Sets every field of `fields`, such as those of a struct.
    pub fn set_all(fields: &impl Serialize) -> Self {
        let fields = serde_json::to_value(fields);
        let fields = fields.map_err(|error| format!("writing an update: {error}"));
        Self(match fields {
            Ok(fields) => Ok(Map::from_iter([("$set".to_owned(), fields)])),
            Err(cause) => Err(Failure::Internal(cause)),
        })
    }

    /// Sets `field` to `value`.
    pub fn set(field: &str, value: impl ToValue) -> Self {
        Self(Ok(Map::new())).also("$set", field, value.to_value())
    }

    /// Adds `number` to `field`. A missing field counts as 0.
    pub fn increment(field: &str, number: i64) -> Self {
        Self(Ok(Map::new())).also("$inc", field, number.into())
    }

    /// Removes `field`.
    pub fn unset(field: &str) -> Self {
        Self(Ok(Map::new())).also("$unset", field, "".into())
    }

    /// Combines both changes.
    pub fn and(mut self, other: Self) -> Self {
        match other.0 {
            Ok(changes) => {
                for (operator, fields) in changes {
                    let Value::Object(fields) = fields else {
                        continue;
                    };
                    for (field, value) in fields {
                        self = self.also(&operator, &field, value);
                    }
                }
                self
            }
            Err(failure) => Self(Err(failure)),
        }
    }

    fn also(mut self, operator: &str, field: &str, value: Value) -> Self {
        if let Ok(changes) = &mut self.0 {
            let fields = changes.entry(operator).or_insert_with(|| Map::new().into());
            if let Value::Object(fields) = fields {
                fields.insert(field.to_owned(), value);
            }
        }
        self
    }

    /// The update as the interface takes it.
    pub(super) fn into_json(self) -> Result<String, Failure> {
        Ok(Value::Object(self.0?).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_grouped_by_operator() {
        let update = Update::set("a", 1_i64)
            .and(Update::set("b", "x"))
            .and(Update::increment("n", -1))
            .and(Update::unset("c"));
        let expected = json!({"$set": {"a": 1, "b": "x"}, "$inc": {"n": -1}, "$unset": {"c": ""}});
        let text = update.into_json().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn a_struct_sets_all_its_fields() {
        let update = Update::set_all(&json!({"a": 1, "b": null}));
        assert_eq!(update.into_json().unwrap(), r#"{"$set":{"a":1,"b":null}}"#);
    }
}
