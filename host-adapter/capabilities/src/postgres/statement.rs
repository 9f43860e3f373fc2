//! Checks which statements a component may run.

use super::Error;

/// The first words of statements that do not change a session. Other statements (`set`, `begin`,
/// `listen`, `copy`, `do` …) would affect the next caller on the same connection.
const ALLOWED: [&str; 8] = [
    "select", "insert", "update", "delete", "merge", "with", "values", "table",
];

/// Longest statement in bytes. This is far above the length of handwritten statements, and keeps the
/// prepared statements of all connections within a few megabytes.
const MAX_LENGTH: usize = 64 * 1024;

/// Rejects a statement whose first word is not in [`ALLOWED`] or that is longer than [`MAX_LENGTH`].
///
/// A second statement after the first needs no check, because PostgreSQL prepares only one.
pub(super) fn check_statement(sql: &str) -> Result<(), Error> {
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
        "other text".to_owned()
    } else {
        format!("`{word}`")
    };
    Err(Error::Invalid(format!(
        "a statement must begin with one of {}, not with {found}",
        ALLOWED.join(", ")
    )))
}

/// What PostgreSQL's lexer skips between words: `space` in its `scan.l`. Other white space of Unicode is
/// part of a word for it.
const SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];

/// What ends a comment that begins with `--`, as in PostgreSQL's `scan.l`.
const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// Returns `sql` without the white space, comments and opening parentheses at its beginning.
fn skip_blank(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches(|c: char| SPACE.contains(&c) || c == '(');
        if let Some(comment) = sql.strip_prefix("--") {
            sql = comment.split_once(LINE_ENDS).map_or("", |(_, rest)| rest);
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
    fn statement_that_reads_or_writes_rows_is_accepted() {
        for sql in [
            "select 1",
            "  (SELECT 1)",
            "-- why\ninsert into a values (1)",
            "-- why\rinsert into a values (1)",
            "\r\n\x0b\x0c\tselect 1",
            "/* a /* b */ */ with x as (select 1) table x",
        ] {
            assert_eq!(check_statement(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn statement_that_changes_the_session_is_rejected() {
        for sql in [
            "set role x",
            "BEGIN",
            "/* select */ listen a",
            "-- select\ncopy a to stdout",
            "--\rset x=y /*\nselect 1 */",
            "--\r\nbegin",
            "--\r--\n--\rdo $$ $$",
            "\u{a0}select 1",
            "\u{2028}select 1",
            "",
            "do $$ $$",
            "selects",
            "/* open",
        ] {
            assert!(
                matches!(check_statement(sql), Err(Error::Invalid(_))),
                "{sql}"
            );
        }
    }

    #[test]
    fn statement_above_the_length_limit_is_rejected() {
        let sql = format!("select '{}'", "x".repeat(MAX_LENGTH));
        assert!(matches!(check_statement(&sql), Err(Error::TooLarge(_))));
    }
}
