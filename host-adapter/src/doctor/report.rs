//! Findings for a person, or for a program as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::checks::{Finding, Level};

/// The width of the column with the check's name.
const CHECK: usize = 12;

/// Counts the findings of a level.
#[must_use]
pub fn count(findings: &[Finding], level: Level) -> usize {
    findings
        .iter()
        .filter(|finding| finding.level == level)
        .count()
}

/// One line a finding, and one for its fix.
#[must_use]
pub fn text(findings: &[Finding], colour: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let Finding {
            check, what, fix, ..
        } = finding;
        let level = paint(finding.level, colour);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{check:<CHECK$} {level} {}", printable(what));
        if !fix.is_empty() {
            let _ = writeln!(text, "{:<CHECK$}         fix: {}", "", printable(fix));
        }
    }
    let (errors, warnings) = (
        count(findings, Level::Error),
        count(findings, Level::Warning),
    );
    let _ = write!(
        text,
        "\n{}, {}",
        plural(errors, "error"),
        plural(warnings, "warning")
    );
    text
}

/// All findings, and how many are errors and warnings.
#[must_use]
pub fn to_json(findings: &[Finding]) -> Value {
    json!({
        "findings": findings,
        "errors": count(findings, Level::Error),
        "warnings": count(findings, Level::Warning),
    })
}

/// The level in a column of seven characters, in green, yellow or red.
fn paint(level: Level, colour: bool) -> String {
    let (word, code) = match level {
        Level::Fine => ("ok", 32),
        Level::Warning => ("warning", 33),
        Level::Error => ("error", 31),
    };
    if colour {
        format!("\x1b[{code}m{word:<7}\x1b[0m")
    } else {
        format!("{word:<7}")
    }
}

/// Names come from files and databases, and must not control the terminal. Lines stay in their column.
fn printable(text: &str) -> String {
    let indent = format!("\n{:<CHECK$}         ", "");
    let mut printable = String::new();
    for character in text.trim_end().chars() {
        match character {
            '\n' => printable.push_str(&indent),
            control if control.is_control() => printable.push('�'),
            other => printable.push(other),
        }
    }
    printable
}

fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_hidden() {
        let findings = [
            Finding::fine("ports", "free"),
            Finding::error("grants", "two\nlines \x1b[2J", "do it"),
        ];
        let expected = "ports        ok      free\n\
                        grants       error   two\n                     lines �[2J\n\
                        \x20                    fix: do it\n\n1 error, 0 warnings";
        assert_eq!(text(&findings, false), expected);
        assert!(text(&findings, true).contains("\x1b[31merror  \x1b[0m"));
    }
}
