//! Which statements a component may send.

use super::Error;

/// Statements that leave a shared session as it was. Everything else (`set`, `begin`, `listen`,
/// `copy`, `do` …) would be felt by the next caller of the same connection.
const ALLOWED: [&str; 8] = [
    "select", "insert", "update", "delete", "merge", "with", "values", "table",
];

/// Longest statement, in bytes: a hundred times what a person writes, and what keeps the prepared
/// statements of all connections within a few megabytes.
const MAX_LENGTH: usize = 64 * 1024;

/// Refuses a statement whose first word is not one of [`ALLOWED`], or that is absurdly long.
///
/// A second statement behind the first needs no check: PostgreSQL does not prepare two at once.
pub(super) fn check(sql: &str) -> Result<(), Error> {
    if sql.len() > MAX_LENGTH {
        return Err(Error::TooLarge(format!(
            "the statement is longer than {MAX_LENGTH} bytes"
        )));
    }
    let start = skip_blank(sql);
    let end = start
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(start.len());
    let word = start.get(..end).unwrap_or_default();
    if ALLOWED
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(word))
    {
        return Ok(());
    }
    let found = if word.is_empty() {
        "nothing of that".to_owned()
    } else {
        format!("`{word}`")
    };
    Err(Error::Invalid(format!(
        "a statement begins with one of {}, not with {found}",
        ALLOWED.join(", ")
    )))
}

/// What is left of `sql` after white space, comments and opening parentheses.
fn skip_blank(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        if let Some(comment) = sql.strip_prefix("--") {
            sql = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = sql.strip_prefix("/*") {
            sql = after_block_comment(comment);
        } else {
            return sql;
        }
    }
}

/// Block comments nest in PostgreSQL, unlike in standard SQL.
fn after_block_comment(mut sql: &str) -> &str {
    let mut depth = 1_usize;
    while depth > 0 {
        let (open, close) = (sql.find("/*"), sql.find("*/"));
        let at = match (open, close) {
            (Some(open), Some(close)) if open < close => {
                depth += 1;
                open
            }
            (_, Some(close)) => {
                depth -= 1;
                close
            }
            (_, None) => return "",
        };
        sql = sql.get(at + 2..).unwrap_or_default();
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_statements_pass() {
        for sql in [
            "select 1",
            "  (SELECT 1)",
            "-- why\ninsert into a values (1)",
            "/* a /* b */ */ with x as (select 1) table x",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn what_changes_the_session_is_refused() {
        for sql in [
            "set role x",
            "BEGIN",
            "/* select */ listen a",
            "-- select\ncopy a to stdout",
            "",
            "do $$ $$",
            "selects",
            "/* open",
        ] {
            assert!(matches!(check(sql), Err(Error::Invalid(_))), "{sql}");
        }
    }

    #[test]
    fn an_endless_statement_is_refused() {
        let sql = format!("select '{}'", "x".repeat(MAX_LENGTH));
        assert!(matches!(check(&sql), Err(Error::TooLarge(_))));
    }
}
