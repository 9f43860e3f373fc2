//! Whether the document in a component's folder is up to date.

use std::{env, fs, path::Path};

use serde_json::Value;

use super::document;
use crate::Service;

/// Set by `./dev openapi`, which writes the documents instead of comparing them.
const WRITE: &str = "SPINDLE_WRITE_OPENAPI";

/// Compare `openapi.json` in `folder` with the service's routes. For a test of each service.
///
/// # Errors
/// What differs first, and the command that writes the file.
pub fn check(service: &Service, folder: &str) -> Result<(), String> {
    let file = Path::new(folder).join("openapi.json");
    let current = text(&document(service));
    if env::var_os(WRITE).is_some() {
        return fs::write(&file, current).map_err(|error| format!("{}: {error}", file.display()));
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let mut lines = committed.lines().zip(current.lines()).enumerate();
    if committed == current {
        return Ok(());
    }
    let place = match lines.find(|(_, (committed, current))| committed != current) {
        Some((index, (_, line))) => format!("line {} should be `{}`", index + 1, line.trim()),
        None => "its length differs".to_owned(),
    };
    let file = file.display();
    Err(format!(
        "`{file}` does not describe the routes ({place}); write it with `./dev openapi`"
    ))
}

/// With sorted keys, whatever features of `serde_json` are on.
fn text(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(&sorted(document)).unwrap_or_default();
    text.push('\n');
    text
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
