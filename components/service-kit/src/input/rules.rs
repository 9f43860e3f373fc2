//! Rules for fields: each takes a JSON value and gives the type that the service wants, and says as
//! JSON Schema which values it accepts.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::rule::{Rule, rule};
use crate::openapi::member;
use crate::problem::FieldError;

/// As `char::is_control`. For JSON Schema, which has the expressions of ECMAScript.
const WITHOUT_CONTROL_CHARACTERS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// The same without tabs and line breaks.
const WITHOUT_MOST_CONTROL_CHARACTERS: &str =
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

const WITHOUT_NUL: &str = r"^[^\u0000]*$";

/// [`is_email`] as an expression.
const EMAIL: &str = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";

/// Why a value is not acceptable.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    code: &'static str,
    /// Completes a sentence that begins with the field's name.
    message: Cow<'static, str>,
    /// Where below the field, as a JSON pointer; empty for the field itself.
    below: String,
}

impl Violation {
    /// `message` completes a sentence that begins with the field's name, such as `is required`.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            below: String::new(),
        }
    }

    /// Moves the violation to the member `name` of the value.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        self.below = format!("/{name}{}", self.below);
        self
    }

    pub(super) fn at(self, field: &str) -> FieldError {
        let Self {
            code,
            message,
            below,
        } = self;
        let (pointer, subject) = if field.is_empty() {
            (below, "The body".to_owned())
        } else {
            let path = format!("/{field}{below}");
            (path, format!("`{field}{below}`"))
        };
        let message = format!("{subject} {message}.");
        FieldError {
            pointer,
            message,
            code,
        }
    }
}

/// Text of `min` to `max` characters on one line: without control characters.
pub fn text(min: usize, max: usize) -> impl Rule<Output = String> {
    let schema = move || text_schema(min, max, WITHOUT_CONTROL_CHARACTERS);
    rule(schema, move |value| {
        let text = of_length(value, min, max)?;
        if text.chars().any(char::is_control) {
            let message = "must not contain control characters";
            return Err(Violation::new("characters", message));
        }
        Ok(text)
    })
}

/// Text of `min` to `max` characters that may have several lines: without control characters other
/// than tabs and line breaks (LF or CR LF).
pub fn text_with_lines(min: usize, max: usize) -> impl Rule<Output = String> {
    let schema = move || text_schema(min, max, WITHOUT_MOST_CONTROL_CHARACTERS);
    rule(schema, move |value| {
        let text = of_length(value, min, max)?;
        let is_forbidden =
            |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        if text.chars().any(is_forbidden) {
            let message = "must not contain control characters other than tabs and line breaks";
            return Err(Violation::new("characters", message));
        }
        Ok(text)
    })
}

/// A password of `min` to `max` characters: any but NUL, where other programs end a text, so that
/// a part of the password would be enough there.
pub fn password(min: usize, max: usize) -> impl Rule<Output = String> {
    let schema = move || {
        let mut schema = text_schema(min, max, WITHOUT_NUL);
        *member(&mut schema, "format") = json!("password");
        schema
    };
    rule(schema, move |value| {
        let text = of_length(value, min, max)?;
        if text.contains('\0') {
            let message = "must not contain the character NUL";
            return Err(Violation::new("characters", message));
        }
        Ok(text)
    })
}

/// True or false.
pub fn boolean() -> impl Rule<Output = bool> {
    rule(
        || json!({"type": "boolean"}),
        |value: Value| {
            let wrong = || Violation::new("type", "has to be true or false");
            value.as_bool().ok_or_else(wrong)
        },
    )
}

fn text_schema(min: usize, max: usize, pattern: &str) -> Value {
    json!({"type": "string", "minLength": min, "maxLength": max, "pattern": pattern})
}

/// A number and what it counts, for messages: `1 character`, `10,000 characters`.
#[must_use]
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// With a comma before each group of three digits.
fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn of_length(value: Value, min: usize, max: usize) -> Result<String, Violation> {
    let text = string(value)?;
    let length = text.chars().count();
    if length < min {
        let message = format!("must have at least {}", counted(min, "character"));
        Err(Violation::new("too_short", message))
    } else if length > max {
        let message = format!("must have at most {}", counted(max, "character"));
        Err(Violation::new("too_long", message))
    } else {
        Ok(text)
    }
}

/// One of the given words.
pub fn one_of(words: &'static [&'static str]) -> impl Rule<Output = &'static str> {
    let schema = move || json!({"type": "string", "enum": words});
    rule(schema, move |value| {
        let text = string(value)?;
        let found = words.iter().find(|word| **word == text);
        found.copied().ok_or_else(|| {
            let message = format!("has to be one of {}", words.join(", "));
            Violation::new("unknown_value", message)
        })
    })
}

/// A whole number in decimal digits, written as text, because query strings have only text.
pub fn decimal(range: RangeInclusive<u32>) -> impl Rule<Output = u32> {
    let (first, last) = (*range.start(), *range.end());
    let schema = move || json!({"type": "integer", "minimum": first, "maximum": last});
    rule(schema, move |value| {
        let text = string(value)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (first, last) = (grouped(first), grouped(last));
                let message = format!("has to be a whole number from {first} to {last}");
                Violation::new("range", message)
            })
    })
}

/// A UUID, in any of its forms.
pub fn uuid() -> impl Rule<Output = Uuid> {
    rule(
        || json!({"type": "string", "format": "uuid"}),
        |value| {
            let text = string(value)?;
            Uuid::parse_str(&text).map_err(|_| Violation::new("format", "has to be a UUID"))
        },
    )
}

/// A moment as RFC 3339 text, converted to UTC. It must be within the years 0 to 9999 in UTC too,
/// because no others can be written.
pub fn timestamp() -> impl Rule<Output = OffsetDateTime> {
    rule(
        || json!({"type": "string", "format": "date-time"}),
        read_timestamp,
    )
}

fn read_timestamp(value: Value) -> Result<OffsetDateTime, Violation> {
    let text = string(value)?;
    let moment = OffsetDateTime::parse(&text, &Rfc3339).ok();
    let utc = moment.and_then(|moment| moment.checked_to_offset(UtcOffset::UTC));
    utc.filter(|utc| utc.year() >= 0).ok_or_else(|| {
        let message = "has to be a timestamp such as 2026-01-31T12:00:00Z";
        Violation::new("format", message)
    })
}

/// An e-mail address as web forms take it (the rule of the HTML standard), at a domain with a dot,
/// at most 254 characters; converted to lower case, so that it can be unique.
pub fn email() -> impl Rule<Output = String> {
    let schema =
        || json!({"type": "string", "format": "email", "maxLength": 254, "pattern": EMAIL});
    rule(schema, |value| {
        let text = string(value)?;
        if is_email(&text) {
            Ok(text.to_ascii_lowercase())
        } else {
            Err(Violation::new("format", "has to be an e-mail address"))
        }
    })
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let local_ok = (1..=64).contains(&local.len()) && local.bytes().all(local_byte);
    text.len() <= 254 && local_ok && domain.contains('.') && domain.split('.').all(is_domain_label)
}

fn is_domain_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn string(value: Value) -> Result<String, Violation> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Violation::new("type", "has to be a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code<T: std::fmt::Debug>(result: Result<T, Violation>) -> &'static str {
        result.unwrap_err().code
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(text(2, 3).read(json!("äöü")).unwrap(), "äöü");
        assert_eq!(code(text(2, 3).read(json!("ä"))), "too_short");
        assert_eq!(code(text(2, 3).read(json!("äöüß"))), "too_long");
        assert_eq!(code(text(2, 3).read(json!(["a"]))), "type");
    }

    #[test]
    fn control_characters_are_rejected_where_they_do_harm() {
        for wrong in ["a\0b", "a\nb", "a\u{7f}b"] {
            assert_eq!(
                code(text(1, 9).read(json!(wrong))),
                "characters",
                "{wrong:?}"
            );
        }
        let lines = "a\r\n\tb";
        assert_eq!(text_with_lines(1, 9).read(json!(lines)).unwrap(), lines);
        assert_eq!(
            code(text_with_lines(1, 9).read(json!("a\0b"))),
            "characters"
        );
        assert_eq!(password(1, 9).read(json!("a\u{1}\n")).unwrap(), "a\u{1}\n");
        assert_eq!(
            code(password(1, 20).read(json!("abc\0defghi"))),
            "characters"
        );
    }

    #[test]
    fn numbers_in_messages_have_thousands_and_a_plural() {
        assert_eq!(counted(0, "byte"), "0 bytes");
        assert_eq!(counted(1, "character"), "1 character");
        assert_eq!(counted(100, "character"), "100 characters");
        assert_eq!(counted(16_384, "byte"), "16,384 bytes");
        assert_eq!(counted(1_000_000, "byte"), "1,000,000 bytes");
    }

    #[test]
    fn e_mail_addresses_are_recognised() {
        for good in ["a@b.example", "A.b+c@Sub-1.Example.org", "o'brien@x.ie"] {
            assert_eq!(
                email().read(json!(good)).unwrap(),
                good.to_ascii_lowercase()
            );
        }
        let long = format!("{}@b.example", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@b..c",
            "a@-b.c",
            "a b@c.de",
            "a@b.c\n",
            "a@b@c.d",
            "ä@b.example",
            long.as_str(),
        ] {
            assert_eq!(code(email().read(json!(bad))), "format", "{bad}");
        }
    }

    #[test]
    fn uuids_and_timestamps_have_their_formats() {
        let id = "018f4e9a-7b1c-7def-8000-000000000001";
        assert_eq!(uuid().read(json!(id)).unwrap().to_string(), id);
        assert_eq!(code(uuid().read(json!("1"))), "format");
        assert!(
            timestamp()
                .read(json!("2026-01-31T12:00:00.5+02:00"))
                .is_ok()
        );
        assert_eq!(code(timestamp().read(json!("2026-01-31"))), "format");
        for edge in ["0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"] {
            assert_eq!(code(timestamp().read(json!(edge))), "format");
        }
    }

    #[test]
    fn pointers_reach_into_a_field_and_are_escaped() {
        let violation = Violation::new("name", "must not begin with `$`");
        let error = violation.within("a/b~c").within("list").at("properties");
        assert_eq!(error.pointer, "/properties/list/a~1b~0c");
    }
}
