//! What answers look like, as JSON Schema.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// A type that is part of an answer. Derive it next to `Serialize`; doc comments become descriptions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be described to clients",
    label = "has no schema",
    note = "add `#[derive(service_kit::openapi::Schema)]` to it"
)]
pub trait Schema {
    /// What its values look like when they are written as JSON.
    fn schema() -> Value;
}

/// The schema of a value that may be null, too.
#[must_use]
pub fn nullable(mut schema: Value) -> Value {
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
    match schema.get_mut("type") {
        Some(kind) if kind.is_string() => *kind = json!([kind, "null"]),
        Some(_) => {}
        None => {
            if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
                alternatives.push(json!({"type": "null"}));
            }
        }
    }
    schema
}

macro_rules! schemas {
    ($($type:ty => $schema:tt;)*) => {
        $(
            impl Schema for $type {
                fn schema() -> Value {
                    json!($schema)
                }
            }
        )*
    };
}

schemas! {
    bool => {"type": "boolean"};
    String => {"type": "string"};
    &'static str => {"type": "string"};
    u32 => {"type": "integer", "minimum": 0};
    u64 => {"type": "integer", "minimum": 0};
    usize => {"type": "integer", "minimum": 0};
    i64 => {"type": "integer"};
    f64 => {"type": "number"};
    // Every form in which services write a moment is RFC 3339.
    OffsetDateTime => {"type": "string", "format": "date-time"};
    Uuid => {"type": "string", "format": "uuid"};
    () => {"type": "null"};
    // Any value.
    Value => {};
}

impl<T: Schema> Schema for Option<T> {
    fn schema() -> Value {
        nullable(T::schema())
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

/// Any key is written as text.
impl<K, T: Schema> Schema for BTreeMap<K, T> {
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use service_kit_macros::Schema;

    /// What a note is.
    #[derive(Serialize, Schema)]
    struct Note {
        /// Who wrote it.
        #[example("ada")]
        author: Option<String>,
        #[serde(rename(serialize = "words"))]
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        moment: Option<OffsetDateTime>,
        #[serde(flatten)]
        more: More,
    }

    #[derive(Serialize, Schema)]
    struct More {
        tags: Vec<String>,
    }

    #[test]
    fn a_struct_is_described_as_it_is_written() {
        let note = json!({
            "title": "Note", "description": "What a note is.", "type": "object",
            "required": ["author", "words", "tags"],
            "properties": {
                "author": {"type": ["string", "null"], "description": "Who wrote it.", "examples": ["ada"]},
                "words": {"type": "integer", "minimum": 0},
                "moment": {"type": ["string", "null"], "format": "date-time"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        });
        assert_eq!(Note::schema(), note);
    }

    #[test]
    fn null_is_added_to_types_words_and_alternatives() {
        let words = json!({"type": "string", "enum": ["a"]});
        let expected = json!({"type": ["string", "null"], "enum": ["a", null]});
        assert_eq!(nullable(words), expected);
        let both = nullable(json!({"anyOf": [{"format": "date"}]}));
        assert_eq!(both["anyOf"][1], json!({"type": "null"}));
        assert_eq!(nullable(json!({})), json!({}));
    }
}
