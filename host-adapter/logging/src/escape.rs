//! Characters that could act on a terminal, or fake a line.

use std::fmt::Write as _;

/// Whether `character` must not reach a terminal as it is: control characters, which include newlines
/// and the start of ANSI sequences, separators of lines, and marks that reverse the direction of text.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Appends `text` as Rust would write it in a literal, without quotes around it.
pub(crate) fn push_text(out: &mut String, text: &str) {
    for character in text.chars() {
        if is_unsafe(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
}

/// Appends `text` as a JSON string, with quotes.
pub(crate) fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ => push_json_character(out, character),
        }
    }
    out.push('"');
}

/// Appends a text that is valid JSON already. Unsafe characters are only within its strings.
pub(crate) fn push_valid_json(out: &mut String, json: &str) {
    for character in json.chars() {
        push_json_character(out, character);
    }
}

fn push_json_character(out: &mut String, character: char) {
    if is_unsafe(character) {
        // Writing to a text cannot fail. All of them have four digits.
        let _ = write!(out, "\\u{:04x}", u32::from(character));
    } else {
        out.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\u{1b}[31mb\nc\u{9b}2J\u{7f}\u{202e}d\u{2028}\"\\";

    #[test]
    fn text_has_no_control_character_left() {
        let mut out = String::new();
        push_text(&mut out, EVIL);
        assert_eq!(
            out,
            "a\\u{1b}[31mb\\nc\\u{9b}2J\\u{7f}\\u{202e}d\\u{2028}\"\\"
        );
    }

    #[test]
    fn json_has_no_control_character_and_reads_back_the_same() {
        let mut out = String::new();
        push_json(&mut out, EVIL);
        assert!(!out.chars().any(is_unsafe), "{out}");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), EVIL);

        let mut again = String::new();
        push_valid_json(&mut again, &serde_json::to_string(EVIL).unwrap());
        assert!(!again.chars().any(is_unsafe), "{again}");
        assert_eq!(serde_json::from_str::<String>(&again).unwrap(), EVIL);
    }
}
