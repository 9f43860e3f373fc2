//! The part of a peer's problem (RFC 9457) that is kept in logs, errors and dead letters.

use std::fmt::Write as _;

use serde::Deserialize;

/// Size limit of the kept part, in characters. It is one line of a log, and explains a few fields.
const MAX_CHARACTERS: usize = 500;

/// Fields of a request that are named. Others are counted.
const MAX_FIELDS: usize = 8;

/// The members that are kept. Other members are not, because they may hold what the caller sent.
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    pointer: Option<String>,
    message: Option<String>,
}

/// Returns the problem in `body` as one line: type, detail, and the invalid fields. `None` if the body is
/// not a problem.
pub(crate) fn summarise(body: &str) -> Option<String> {
    let problem: Problem = serde_json::from_str(body).ok()?;
    let kind = problem.kind?;
    let mut text = format!("`{kind}`");
    // Writing to a text cannot fail.
    if let Some(detail) = &problem.detail {
        let _ = write!(text, ": {}", detail.trim_end_matches('.'));
    }
    for error in problem.errors.iter().take(MAX_FIELDS) {
        let pointer = error.pointer.as_deref().unwrap_or_default();
        let message = error.message.as_deref().unwrap_or_default();
        let _ = write!(text, "; `{pointer}` {}", message.trim_end_matches('.'));
    }
    let more = problem.errors.len().saturating_sub(MAX_FIELDS);
    if more > 0 {
        let _ = write!(text, "; and {more} more fields");
    }
    Some(one_line(&text))
}

/// The type of the problem in `body`.
pub(crate) fn kind(body: &str) -> Option<String> {
    let problem: Problem = serde_json::from_str(body).ok()?;
    problem.kind
}

/// The answer of a peer in words: its status, and its problem if the body is one.
pub(crate) fn describe(status: u16, body: &str) -> String {
    match summarise(body) {
        Some(problem) => format!("{status}, {problem}"),
        None => status.to_string(),
    }
}

/// The peer chose the text, so it must not break a line or grow without limit.
fn one_line(text: &str) -> String {
    let line = text.chars().map(|character| match character {
        control if control.is_control() => ' ',
        other => other,
    });
    if text.chars().count() <= MAX_CHARACTERS {
        return line.collect();
    }
    line.take(MAX_CHARACTERS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_is_told_with_its_fields() {
        let body = r#"{"type":"/problems/invalid-fields","title":"x","status":422,"detail":"Some fields are not valid.",
            "instance":"secret","errors":[{"pointer":"/title","message":"must not be empty","code":"required"}]}"#;
        assert_eq!(
            describe(422, body),
            "422, `/problems/invalid-fields`: Some fields are not valid; `/title` must not be empty"
        );
    }

    #[test]
    fn other_bodies_are_not_repeated() {
        for body in [
            "",
            "secret",
            "[]",
            r#"{"detail":"secret"}"#,
            r#"{"type":7}"#,
        ] {
            assert_eq!(describe(500, body), "500");
        }
    }

    #[test]
    fn long_problem_is_cut_and_stays_one_line() {
        let field = serde_json::json!({ "pointer": "/x", "message": "y" });
        let many = serde_json::json!({ "type": "/p", "errors": vec![field; MAX_FIELDS + 3] });
        assert!(
            summarise(&many.to_string())
                .unwrap()
                .ends_with("; and 3 more fields")
        );
        let long = serde_json::json!({ "type": "/p", "detail": "a\nb".repeat(MAX_CHARACTERS) });
        let text = summarise(&long.to_string()).unwrap();
        assert_eq!(text.chars().count(), MAX_CHARACTERS + 1);
        assert!(!text.contains('\n'));
    }
}
