//! A line as aligned text, for people.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::{LogLevel, escape::push_text, json, line::Line};

const RESET: &str = "\u{1b}[0m";
const DIM: &str = "\u{1b}[2m";
const BOLD: &str = "\u{1b}[1m";

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) colour: bool,
    /// Whether the date is written, as in a file that is read days later.
    pub(crate) date: bool,
    /// The width of the column of components.
    pub(crate) width: usize,
}

/// Appends `line` and a newline.
pub(crate) fn push(out: &mut String, line: &Line, style: Style) {
    let Style {
        colour,
        date,
        width,
    } = style;
    let paint = |style: &'static str| if colour { style } else { "" };
    let (dim, reset) = (paint(DIM), paint(RESET));
    out.push_str(dim);
    if date {
        json::push_timestamp(out, line.time);
    } else {
        push_time(out, line.time);
    }
    // Writing to a text cannot fail.
    let _ = write!(
        out,
        "{reset} {}{:<8}{reset} {}",
        paint(level_colour(line.level)),
        line.level.name(),
        paint(BOLD),
    );
    let start = out.len();
    push_text(out, &line.component);
    let written = out.len() - start;
    let _ = write!(out, "{reset}{:1$} ", "", width.saturating_sub(written));
    push_text(out, &line.message);
    let fields: Map<String, Value> =
        serde_json::from_str(&format!("{{{}}}", line.fields)).unwrap_or_default();
    let fields = fields.iter().map(|(key, value)| (key.as_str(), value));
    let ids = [
        ("request_id", &line.request_id),
        ("trace_id", &line.trace_id),
    ];
    let ids = ids.map(|(key, id)| (key, id.clone().map(Value::String)));
    let ids = ids
        .iter()
        .filter_map(|(key, id)| Some((*key, id.as_ref()?)));
    for (key, value) in fields.chain(ids) {
        let _ = write!(out, "  {dim}");
        push_text(out, key);
        let _ = write!(out, "={reset}");
        push_value(out, value);
    }
    out.push('\n');
}

fn push_time(out: &mut String, time: OffsetDateTime) {
    let (hour, minute, second, milli) = time.time().as_hms_milli();
    // Writing to a text cannot fail.
    let _ = write!(out, "{hour:02}:{minute:02}:{second:02}.{milli:03}");
}

fn level_colour(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "\u{1b}[34m",
        LogLevel::Info => "\u{1b}[32m",
        LogLevel::Warning => "\u{1b}[33m",
        LogLevel::Error => "\u{1b}[31m",
        LogLevel::Critical => "\u{1b}[1;37;41m",
    }
}

/// Appends a text as it is if it cannot be confused with what follows; anything else as JSON.
fn push_value(out: &mut String, value: &Value) {
    let ambiguous = |text: &str| {
        text.is_empty()
            || text.contains(|character: char| {
                character.is_whitespace() || matches!(character, '"' | '=')
            })
    };
    match value {
        Value::String(text) if !ambiguous(text) => push_text(out, text),
        Value::String(text) => crate::escape::push_json(out, text),
        other => crate::escape::push_valid_json(out, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(colour: bool) -> String {
        let mut line = Line::new(LogLevel::Error, "user", "it\u{1b}[2J failed\n".to_owned());
        line.time = OffsetDateTime::UNIX_EPOCH;
        line.request_id = Some("r1".to_owned());
        line.fields = "\"path\":\"/a\",\"reason\":\"no room\",\"rows\":2".to_owned();
        let mut out = String::new();
        let style = Style {
            colour,
            date: !colour,
            width: 6,
        };
        push(&mut out, &line, style);
        out
    }

    #[test]
    fn a_line_is_aligned_and_its_control_characters_escaped() {
        assert_eq!(
            text(false),
            "1970-01-01T00:00:00.000000Z ERROR    user   it\\u{1b}[2J failed\\n  \
             path=/a  reason=\"no room\"  rows=2  request_id=r1\n"
        );
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        let coloured = text(true);
        assert!(
            coloured.contains("\u{1b}[31mERROR   \u{1b}[0m"),
            "{coloured}"
        );
        let mut plain = coloured;
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m"] {
            plain = plain.replace(code, "");
        }
        let text = text(false).replace("1970-01-01T00:00:00.000000Z", "00:00:00.000");
        assert_eq!(plain, text);
    }
}
