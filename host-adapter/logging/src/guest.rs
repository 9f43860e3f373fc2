//! What a component wrote to stdout or stderr, as a line of that component.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use crate::{
    LogLevel, escape,
    fields::{RESERVED, push_key},
    line::{Author, Line},
};

/// The target of events whose field `line` is a line that the component in the field `component`
/// wrote. The field `stream` is `stdout` or `stderr`. With the field `given_up`, nobody waits for the
/// answer to the request that the line is about.
pub const GUEST: &str = "guest";

/// Longest request id in a line, in bytes; the host and service-kit accept no longer one.
const MAX_REQUEST_ID: usize = 128;
/// Hexadecimal digits of a trace id.
const TRACE_ID: usize = 32;

/// An event of the target [`GUEST`].
#[derive(Default)]
pub(crate) struct Guest {
    component: String,
    is_stderr: bool,
    is_given_up: bool,
    line: String,
}

impl Visit for Guest {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "given_up" {
            self.is_given_up = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "component" => value.clone_into(&mut self.component),
            "stream" => self.is_stderr = value == "stderr",
            "line" => value.clone_into(&mut self.line),
            _ => {}
        }
    }
}

impl Guest {
    /// The line. Text that is not a line of service-kit, such as a panic's, becomes the message:
    /// WARNING on stderr, INFO on stdout. A warning about a request that is given up is for DEBUG: the
    /// adapter ended what the component was doing, and the client does not get the answer.
    pub(crate) fn into_line(self) -> Line {
        let level = if self.is_stderr {
            LogLevel::Warning
        } else {
            LogLevel::Info
        };
        let mut line = Line::new(level, &self.component, String::new());
        line.author = Author::Guest;
        match parse(&self.line) {
            Some(entry) => fill(&mut line, entry),
            None => line.message = self.line,
        }
        if self.is_given_up && line.level == LogLevel::Warning {
            line.level = LogLevel::Debug;
        }
        line
    }
}

/// The object that service-kit writes, which has a message.
fn parse(text: &str) -> Option<Map<String, Value>> {
    let entry: Map<String, Value> = text
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())??;
    entry.get("message")?.is_string().then_some(entry)
}

/// Takes over what the component may say. The time is that of the arrival, and the component is the one
/// that the host knows, so a component can claim neither.
fn fill(line: &mut Line, mut entry: Map<String, Value>) {
    let mut text = |key: &str| match entry.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    line.message = text("message").unwrap_or_default();
    line.request_id = text("request_id").filter(|id| is_request_id(id));
    line.trace_id = text("trace_id").filter(|id| is_trace_id(id));
    let level = text("level").and_then(|name| LogLevel::from_name(&name));
    line.level = level.unwrap_or(line.level);
    for (key, value) in entry {
        if !RESERVED.contains(&key.as_str()) {
            push_key(&mut line.fields, &key);
            escape::push_valid_json(&mut line.fields, &value.to_string());
        }
    }
}

fn is_request_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(allowed)
}

fn is_trace_id(id: &str) -> bool {
    id.len() == TRACE_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::json;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_line_becomes_one_line_of_its_component(
            line in prop_oneof![
                "(?s).{0,200}",
                r#"\{("(message|level|component|timestamp|request_id)":"[ -~\PC]{0,20}",?){0,6}\}"#,
            ],
            is_stderr: bool,
        ) {
            let component = "user".to_owned();
            let guest = Guest { component, is_stderr, is_given_up: false, line };
            let mut out = String::new();
            json::push(&mut out, &guest.into_line());
            prop_assert!(!out.trim_end_matches('\n').chars().any(char::is_control), "{}", out);
            let line: Value = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(&line["component"], "user");
            prop_assert_ne!(&line["timestamp"], "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn line(text: &str, is_stderr: bool) -> Value {
        of_request(text, is_stderr, false)
    }

    fn of_request(text: &str, is_stderr: bool, is_given_up: bool) -> Value {
        let guest = Guest {
            component: "user".to_owned(),
            is_stderr,
            is_given_up,
            line: text.to_owned(),
        };
        let mut out = String::new();
        json::push(&mut out, &guest.into_line());
        let mut line: Value = serde_json::from_str(&out).unwrap();
        line.as_object_mut().unwrap().remove("timestamp").unwrap();
        line
    }

    #[test]
    fn a_line_of_service_kit_keeps_its_level_id_and_fields() {
        let text = r#"{"timestamp":"t","level":"ERROR","component":"user","request_id":"r-1","message":"m","rows":2,"list":["a"]}"#;
        let expected = serde_json::json!({"level": "ERROR", "component": "user", "request_id": "r-1",
            "message": "m", "rows": 2, "list": ["a"]});
        assert_eq!(line(text, true), expected);
    }

    #[test]
    fn a_component_cannot_claim_to_be_another_or_another_time() {
        let text = r#"{"timestamp":"1970","component":"analytics","level":"INFO","message":"m"}"#;
        let found = line(text, true);
        assert_eq!(found["component"], "user");
        let twice = r#"{"component":"user","message":"m","component":"analytics"}"#;
        assert_eq!(line(twice, true)["component"], "user");
    }

    #[test]
    fn ids_that_are_none_are_dropped() {
        let long = "x".repeat(129);
        for id in ["a b", "", &long, "a\\u001b[2J"] {
            let text = format!(r#"{{"message":"m","request_id":"{id}","trace_id":"{id}"}}"#);
            let found = line(&text, true);
            assert_eq!(found.get("request_id"), None, "{found}");
            assert_eq!(found.get("trace_id"), None, "{found}");
        }
    }

    #[test]
    fn other_text_is_a_message() {
        for text in [
            "thread panicked",
            "{\"level\":\"ERROR\"}",
            "{not json",
            "[1]",
        ] {
            assert_eq!(line(text, true)["message"], text);
            assert_eq!(line(text, true)["level"], "WARNING");
            assert_eq!(line(text, false)["level"], "INFO");
        }
    }

    #[test]
    fn only_warnings_about_given_up_requests_are_for_debug() {
        for (level, expected) in [("WARNING", "DEBUG"), ("ERROR", "ERROR"), ("INFO", "INFO")] {
            let text = format!(r#"{{"message":"m","level":"{level}"}}"#);
            assert_eq!(of_request(&text, true, true)["level"], expected);
            assert_eq!(of_request(&text, true, false)["level"], level);
        }
    }

    #[test]
    fn a_field_cannot_break_out_of_its_line() {
        let text = "{\"message\":\"m\",\"a\\\":1}\\n{\\\"b\":\"\u{9b}2J\\n\"}";
        let found = line(text, true);
        assert_eq!(found["a\":1}\n{\"b"], "\u{9b}2J\n");
    }
}
