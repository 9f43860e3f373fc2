//! An event's properties: any JSON object that every document store can store unchanged.

use serde_json::{Value, json};
use service_kit::input::{Rule, Violation, rule, rules};

/// Maximum size as JSON text. Events are kept for long and counted often, so they must be small.
const MAX_BYTES: usize = 16 * 1024;

/// Maximum nesting. The adapter accepts documents that are nested 64 deep, and half of that is
/// enough for properties.
const MAX_DEPTH: usize = 32;

/// An object of at most 16 KiB as JSON text with all digits of its numbers, nested at most 32 deep. It must not contain names that
/// begin with `$` (they have a meaning in Extended JSON), the character NUL (PostgreSQL cannot store
/// it) or integers beyond 64 bits with sign (MongoDB cannot store them).
pub(super) fn properties() -> impl Rule<Output = Value> {
    let schema = || json!({"type": "object", "propertyNames": {"pattern": NAMES}});
    rule(schema, read)
}

/// The names that [`check_name`] accepts.
const NAMES: &str = r"^(?!\$)[^\u0000]*$";

fn read(value: Value) -> Result<Value, Violation> {
    if !value.is_object() {
        return Err(Violation::new("type", "has to be an object"));
    }
    check(&value, MAX_DEPTH)?;
    let size = serde_json::to_vec(&value).map_or(usize::MAX, |text| text.len());
    if size.saturating_add(written_out(&value)) > MAX_BYTES {
        let limit = rules::counted(MAX_BYTES, "byte");
        let message = format!("must have at most {limit} as JSON");
        return Err(Violation::new("too_large", message));
    }
    Ok(value)
}

fn check(value: &Value, depth: usize) -> Result<(), Violation> {
    match value {
        Value::Object(_) | Value::Array(_) if depth == 0 => {
            let message = format!("must not be nested deeper than {MAX_DEPTH}");
            Err(Violation::new("too_deep", message))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let checked = check_name(name).and_then(|()| check(member, depth - 1));
            checked.map_err(|violation| violation.within(name))
        }),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            check(item, depth - 1).map_err(|violation| violation.within(&index.to_string()))
        }),
        Value::String(text) if text.contains('\0') => Err(nul()),
        Value::Number(number) if number.is_u64() && !number.is_i64() => Err(Violation::new(
            "too_large",
            "must fit into 64 bits with sign",
        )),
        _ => Ok(()),
    }
}

/// Returns how many bytes the numbers of a value have more when they are written without an exponent, as
/// PostgreSQL does: `1e308` has 309 digits there.
fn written_out(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(written_out).sum(),
        Value::Array(items) => items.iter().map(written_out).sum(),
        Value::Number(number) if number.is_f64() => {
            let digits = number
                .as_f64()
                .map_or(0, |number| format!("{number}").len());
            digits.saturating_sub(number.to_string().len())
        }
        _ => 0,
    }
}

fn check_name(name: &str) -> Result<(), Violation> {
    if name.starts_with('$') {
        return Err(Violation::new(
            "name",
            "must not have a name that begins with `$`",
        ));
    }
    if name.contains('\0') {
        Err(nul())
    } else {
        Ok(())
    }
}

fn nul() -> Violation {
    Violation::new("characters", "must not contain the character NUL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(value: Value) -> String {
        format!("{:?}", read(value).unwrap_err())
    }

    #[test]
    fn ordinary_objects_are_kept_as_they_are() {
        let value = json!({"a": [1, -2.5, null, true], "b.c": {"d": "é"}, "": 9_223_372_036_854_775_807_i64});
        assert_eq!(read(value.clone()).unwrap(), value);
    }

    #[test]
    fn values_that_a_store_cannot_keep_are_rejected() {
        assert!(refused(json!({"a": {"$date": "x"}})).contains("/a/$date"));
        assert!(refused(json!({"a": ["x", "\0"]})).contains("/a/1"));
        assert!(refused(json!({"a\0": 1})).contains("characters"));
        assert!(refused(json!({"a": u64::MAX})).contains("too_large"));
    }

    #[test]
    fn numbers_count_with_all_their_digits() {
        for number in [1e308, -1e308, 1e-300] {
            assert!(read(json!({"a": vec![number; 40]})).is_ok());
            assert!(refused(json!({"a": vec![number; 60]})).contains("too_large"));
        }
        assert!(read(json!({"a": vec![0.5; 4_000]})).is_ok());
    }

    #[test]
    fn size_and_nesting_have_limits() {
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(read(nested(MAX_DEPTH)).is_ok());
        assert!(refused(nested(MAX_DEPTH + 1)).contains("too_deep"));
        let sized = |bytes: usize| json!({"a": "x".repeat(bytes - 8)});
        assert!(read(sized(MAX_BYTES)).is_ok());
        assert!(refused(sized(MAX_BYTES + 1)).contains("too_large"));
    }
}
