//! Whether the document in a component's folder is up to date.

use std::{env, fs, path::Path};

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::document;
use crate::Service;

/// Set by `./dev openapi`, which writes the documents instead of comparing them.
const WRITE: &str = "SPINDLE_WRITE_OPENAPI";

/// The longest document. An answer to another service may have twice as much (`dispatch.max_body`).
const MAX_BYTES: usize = 512 * 1024;

/// Compare `openapi.json` in `folder` with the service's routes. For a test of each service.
///
/// # Errors
/// What differs first, and the command that writes the file.
pub fn check(service: &Service, folder: &str) -> Result<(), String> {
    let file = Path::new(folder).join("openapi.json");
    let current = text(&document(service));
    if current.len() > MAX_BYTES {
        let size = current.len();
        return Err(format!(
            "the document has {size} bytes, and the gateway reads {MAX_BYTES}"
        ));
    }
    if env::var_os(WRITE).is_some() {
        return fs::write(&file, current).map_err(|error| format!("{}: {error}", file.display()));
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    compare(&committed, &current).map_err(|place| {
        let file = file.display();
        format!("`{file}` does not describe the routes ({place}); write it with `./dev openapi`")
    })
}

/// Where two texts differ first.
fn compare(committed: &str, current: &str) -> Result<(), String> {
    if committed == current {
        return Ok(());
    }
    let mut lines = committed.lines().zip(current.lines()).enumerate();
    let place = lines.find(|(_, (committed, current))| committed != current);
    Err(match place {
        Some((index, (_, line))) => format!("line {} should be `{}`", index + 1, line.trim()),
        None => "its length differs".to_owned(),
    })
}

/// With sorted keys, whatever features of `serde_json` are on, and with little indentation, because
/// the text is part of the component.
fn text(document: &Value) -> String {
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b" ");
    let mut serializer = Serializer::with_formatter(&mut text, formatter);
    // Writing to memory does not fail.
    let _ = sorted(document).serialize(&mut serializer);
    text.push(b'\n');
    String::from_utf8(text).unwrap_or_default()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_line_that_differs_is_named() {
        let text = |value| text(&json!({"b": {"d": 1, "c": value}, "a": 0}));
        assert_eq!(compare(&text(1), &text(1)), Ok(()));
        let place = compare(&text(1), &text(2)).unwrap_err();
        assert_eq!(place, "line 4 should be `\"c\": 2,`");
        assert!(compare("", &text(1)).is_err());
    }
}
