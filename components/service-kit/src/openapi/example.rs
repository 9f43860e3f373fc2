//! An example of what a schema describes.

use serde_json::{Map, Value, json};

/// Where a schema does not say how long a text is.
const TEXT: &str = "text";

/// A value that a schema accepts: its own example where it has one, or else one made from its parts.
#[must_use]
pub fn example(schema: &Value) -> Value {
    let first = |key: &str| schema.get(key)?.as_array()?.first().cloned();
    let given = first("examples").or_else(|| schema.get("default").cloned());
    given
        .or_else(|| schema.get("const").cloned())
        .or_else(|| first("enum"))
        .or_else(|| first("anyOf").map(|alternative| example(&alternative)))
        .unwrap_or_else(|| made(schema))
}

fn made(schema: &Value) -> Value {
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first(),
        kind => kind,
    };
    match kind.and_then(Value::as_str) {
        Some("object") => json!(object(schema)),
        Some("array") => json!([schema.get("items").map_or(Value::Null, example)]),
        Some("string") => json!(text(schema)),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        _ => Value::Null,
    }
}

fn object(schema: &Value) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let mut object = Map::new();
    for (name, schema) in properties.into_iter().flatten() {
        let is_required = required.is_some_and(|all| all.iter().any(|one| one == name.as_str()));
        // A list that may be missing usually is.
        if is_required || schema.get("type") != Some(&json!("array")) {
            object.insert(name.clone(), example(schema));
        }
    }
    object
}

fn text(schema: &Value) -> &'static str {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => "018f4e9a-7b1c-7def-8000-000000000001",
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("date") => "2026-01-31",
        Some("email") => "ada@example.com",
        Some("password") => "correct horse",
        _ => TEXT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_every_property() {
        let schema = json!({"type": "object", "required": ["tags"], "properties": {
            "hints": {"type": "array", "items": {"type": "string"}},
            "id": {"type": "string", "format": "uuid"},
            "kind": {"type": ["string", "null"], "enum": ["a", "b", null]},
            "size": {"type": "integer", "minimum": 1},
            "tags": {"type": "array", "items": {"type": "string", "examples": ["red"]}},
            "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        }});
        let expected = json!({
            "id": "018f4e9a-7b1c-7def-8000-000000000001", "kind": "a", "size": 1,
            "tags": ["red"], "when": "2026-01-31",
        });
        assert_eq!(example(&schema), expected);
    }
}
