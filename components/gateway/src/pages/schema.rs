//! JSON Schema as tables for people.

use serde_json::Value;

use super::html::{escape, prose};

/// How deep objects within objects get rows of their own. Deeper ones are in the example.
const MAX_DEPTH: usize = 3;

/// What a reference in `document` refers to; another value is itself.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

/// A table of an object's properties. Empty for a schema without any.
pub(super) fn table(document: &Value, schema: &Value) -> String {
    let mut rows = String::new();
    add_rows(document, plain(document, schema), "", 0, &mut rows);
    if rows.is_empty() {
        return rows;
    }
    format!("<div class=\"wide\" tabindex=\"0\"><table>\n{rows}</table></div>\n")
}

/// The first of several alternatives: the plain body of one that may be sealed.
fn plain<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = resolve(document, schema);
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    alternatives.and_then(|all| all.first()).unwrap_or(schema)
}

fn add_rows(document: &Value, schema: &Value, prefix: &str, depth: usize, rows: &mut String) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    for (name, property) in properties.into_iter().flatten() {
        let is_required = required.is_some_and(|all| all.iter().any(|one| one == name.as_str()));
        let path = format!("{prefix}{name}");
        rows.push_str(&row(&path, property, is_required));
        let (inner, path) = match property.get("items") {
            Some(items) => (items, format!("{path}[].")),
            None => (property, format!("{path}.")),
        };
        if depth < MAX_DEPTH {
            add_rows(document, resolve(document, inner), &path, depth + 1, rows);
        }
    }
}

/// A row about a property or a parameter.
pub(super) fn row(name: &str, schema: &Value, is_required: bool) -> String {
    let required = if is_required { "required" } else { "optional" };
    let description = schema.get("description").and_then(Value::as_str);
    let (name, kind) = (escape(name), escape(&kind(schema)));
    let (description, limits) = (prose(description.unwrap_or_default()), limits(schema));
    format!(
        "<tr><th scope=\"row\"><code>{name}</code></th><td>{kind}<br><small>{required}</small></td>\
         <td>{description}{limits}</td></tr>\n"
    )
}

/// The type, with its format.
fn kind(schema: &Value) -> String {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        let kinds: Vec<String> = alternatives.iter().map(kind).collect();
        return kinds.join(" or ");
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        _ if schema.get("const").is_some() => "constant".to_owned(),
        _ => "any".to_owned(),
    };
    match schema.get("format").and_then(Value::as_str) {
        Some(format) => format!("{kind} ({format})"),
        None => kind,
    }
}

fn limits(schema: &Value) -> String {
    let names = [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("default", "by default"),
        ("const", "always"),
    ];
    let known = names
        .iter()
        .filter_map(|(key, words)| Some(format!("{words} {}", schema.get(*key)?)));
    let mut limits: Vec<String> = length(schema).into_iter().chain(known).collect();
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words = words.iter().filter_map(Value::as_str);
        let words: Vec<&str> = words.collect();
        limits.push(format!("one of {}", words.join(", ")));
    }
    if limits.is_empty() {
        return String::new();
    }
    format!(
        " <small class=\"limits\">{}</small>",
        escape(&limits.join("; "))
    )
}

/// How many characters a text has.
fn length(schema: &Value) -> Option<String> {
    let max = schema.get("maxLength")?;
    Some(match schema.get("minLength") {
        Some(min) if min == max => format!("{max} characters"),
        Some(min) => format!("{min} to {max} characters"),
        None => format!("at most {max} characters"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_has_a_row_for_each_property() {
        let item = json!({"type": "object", "properties": {"id": {"type": "string"}}});
        let document = json!({"parts": {"Page": {"type": "object", "required": ["items"], "properties": {
            "items": {"type": "array", "items": item},
            "next": {"type": ["string", "null"], "maxLength": 9},
        }}}});
        let schema = json!({"anyOf": [{"$ref": "#/parts/Page"}]});
        let table = table(
            &document,
            document.pointer("/parts/Page").unwrap_or(&schema),
        );
        for expected in [
            "items",
            "items[].id",
            "string or null",
            "at most 9 characters",
        ] {
            assert!(table.contains(expected), "{expected}: {table}");
        }
    }
}
