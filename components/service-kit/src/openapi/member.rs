//! Members of JSON objects.

use serde_json::{Map, Value};

/// The member of an object, to be written: null where it is missing. A value that is not an object
/// becomes one.
pub fn member<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(members) => members.entry(name).or_insert(Value::Null),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_member_is_made() {
        let mut value = json!({"a": 1});
        *member(member(&mut value, "b"), "c") = json!(2);
        assert_eq!(value, json!({"a": 1, "b": {"c": 2}}));
        *member(&mut value, "a") = json!(3);
        assert_eq!(value["a"], 3);
    }
}
