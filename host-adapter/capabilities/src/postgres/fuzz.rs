//! Properties of the check of statements, for any text. `tests/it/postgres/fuzz.rs` compares it with PostgreSQL.

use proptest::prelude::*;

use super::statement::check_statement;

/// What PostgreSQL skips, in any order.
const BLANK: [&str; 9] = [
    " ",
    "\t",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "--x\n",
    "-- select\r",
    "/* x /* select */ */",
];

fn blank() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(proptest::sample::select(&BLANK[..]), 0..8);
    pieces.prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_accepted_or_rejected(text in "(?s).{0,80}") {
        let _ = check_statement(&text);
    }

    #[test]
    fn blanks_in_front_change_nothing(blank in blank(), word in "[a-z]{1,8}", rest in "[ -~]{0,20}") {
        let statement = format!("{word} {rest}");
        let alone = check_statement(&statement).is_ok();
        prop_assert_eq!(check_statement(&(blank + &statement)).is_ok(), alone);
    }

    #[test]
    fn only_known_words_are_accepted(blank in blank(), word in "[a-z_]{1,12}") {
        let known = ["select", "insert", "update", "delete", "merge", "with", "values", "table"];
        // An underscore belongs to the word for PostgreSQL, which then refuses the statement.
        let first = word.split('_').next().unwrap_or_default();
        prop_assert_eq!(check_statement(&(blank + &word)).is_ok(), known.contains(&first));
    }
}
