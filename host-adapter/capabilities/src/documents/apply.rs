//! Applies an update to one document by MongoDB's rules.

use super::{Change, Error, Fields, Path, Scalar, Update, Value, json, limits};

/// Returns the new text of a stored document, or `None` if the update does not change it.
///
/// # Errors
///
/// [`Error::Invalid`] if the update cannot be applied to the document, [`Error::TooLarge`] if the result
/// would exceed the size limit of a document.
pub(super) fn apply_to_text(body: &str, update: &Update) -> Result<Option<String>, Error> {
    let mut document = json::parse_stored(body, "the stored document")?;
    if !apply(update, &mut document)? && update.position().is_none() {
        return Ok(None);
    }
    let body = document.to_json();
    if body.len() > limits::MAX_TEXT {
        Err(limits::too_long("the updated document"))
    } else {
        Ok(Some(body))
    }
}

/// Changes `document` and returns whether it differs now. After an error it may be partly changed.
fn apply(update: &Update, document: &mut Value) -> Result<bool, Error> {
    let Value::Object(fields) = document else {
        return Ok(false);
    };
    let mut changed = false;
    for (path, change) in update.changes() {
        changed |= descend(fields, path, path.names(), change)?;
    }
    Ok(changed)
}

/// Applies `change` in `object`; `names` is the rest of `path` from there.
fn descend(
    object: &mut Fields,
    path: &Path,
    names: &[String],
    change: &Change,
) -> Result<bool, Error> {
    let Some((name, inner)) = names.split_first() else {
        return Ok(false);
    };
    let position = object.iter().position(|(other, _)| other == name);
    if inner.is_empty() {
        return change_field(object, position, path, name, change);
    }
    match position.and_then(|position| object.get_mut(position)) {
        Some((_, Value::Object(fields))) => descend(fields, path, inner, change),
        _ if *change == Change::Unset => Ok(false),
        Some(_) => Err(Error::Invalid(format!(
            "`{path}` cannot be changed: its field `{name}` is not an object"
        ))),
        None => {
            let mut fields = Fields::new();
            let changed = descend(&mut fields, path, inner, change)?;
            object.push((name.clone(), Value::Object(fields)));
            Ok(changed)
        }
    }
}

fn change_field(
    object: &mut Fields,
    position: Option<usize>,
    path: &Path,
    name: &str,
    change: &Change,
) -> Result<bool, Error> {
    let field = position
        .and_then(|position| object.get_mut(position))
        .map(|(_, value)| value);
    let value = match (change, &field) {
        (Change::Set(value), _) => value.clone(),
        (Change::Increment(by), None) => Value::Scalar(by.clone()),
        (Change::Increment(by), Some(old)) => Value::Scalar(sum(path, old, by)?),
        (Change::Unset, _) => {
            return Ok(position.map(|position| object.remove(position)).is_some());
        }
    };
    match field {
        Some(old) if *old == value => return Ok(false),
        Some(old) => *old = value,
        None => object.push((name.to_owned(), value)),
    }
    Ok(true)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sum with a double is a double, as in MongoDB"
)]
fn sum(path: &Path, old: &Value, by: &Scalar) -> Result<Scalar, Error> {
    let sum = match (old, by) {
        (Value::Scalar(Scalar::Integer(old)), Scalar::Integer(by)) => {
            old.checked_add(*by).map(Scalar::Integer)
        }
        (Value::Scalar(Scalar::Integer(old)), Scalar::Double(by)) => {
            finite_double(*old as f64 + by)
        }
        (Value::Scalar(Scalar::Double(old)), Scalar::Integer(by)) => {
            finite_double(old + *by as f64)
        }
        (Value::Scalar(Scalar::Double(old)), Scalar::Double(by)) => finite_double(old + by),
        _ => {
            return Err(Error::Invalid(format!(
                "`{path}` cannot be increased: it is not a number"
            )));
        }
    };
    sum.ok_or_else(|| {
        Error::Invalid(format!(
            "`{path}` cannot be increased: the sum is too large"
        ))
    })
}

/// Rejects infinity, which JSON cannot represent, and replaces negative zero, which JSONB cannot store.
fn finite_double(sum: f64) -> Option<Scalar> {
    sum.is_finite()
        .then_some(Scalar::Double(if sum == 0.0 { 0.0 } else { sum }))
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    fn apply_text(document: &str, update: &str) -> Result<(String, bool), Error> {
        let mut document = json::parse(document, "the document").unwrap();
        let changed = apply(&Update::parse(update).unwrap(), &mut document)?;
        Ok((document.to_json(), changed))
    }

    #[test]
    fn fields_are_set_increased_and_removed() {
        for (document, update, expected) in [
            (
                r#"{"a":1}"#,
                r#"{"$set":{"a":[2],"b":null}}"#,
                r#"{"a":[2],"b":null}"#,
            ),
            (
                "{}",
                r#"{"$set":{"a.b.c":1,"a.d":2}}"#,
                r#"{"a":{"b":{"c":1},"d":2}}"#,
            ),
            (
                r#"{"n":1,"x":0.1}"#,
                r#"{"$inc":{"n":-3,"x":0.2,"o.p":7}}"#,
                r#"{"n":-2,"x":0.30000000000000004,"o":{"p":7}}"#,
            ),
            (
                r#"{"n":1,"x":0.5}"#,
                r#"{"$inc":{"n":0.5,"x":1}}"#,
                r#"{"n":1.5,"x":1.5}"#,
            ),
            (
                r#"{"a":{"b":1,"c":2}}"#,
                r#"{"$unset":{"a.b":""}}"#,
                r#"{"a":{"c":2}}"#,
            ),
        ] {
            assert_eq!(
                apply_text(document, update).unwrap(),
                (expected.to_owned(), true),
                "{update}"
            );
        }
    }

    #[test]
    fn update_without_effect_reports_no_change() {
        for (document, update) in [
            (r#"{"a":1}"#, r#"{"$set":{"a":1}}"#),
            (r#"{"a":1}"#, r#"{"$inc":{"a":0}}"#),
            (r#"{"a":1}"#, r#"{"$unset":{"b":1,"a.c":1,"d.e":1}}"#),
            (r#"{"a":[{"b":1}]}"#, r#"{"$unset":{"a.b":1}}"#),
        ] {
            assert_eq!(
                apply_text(document, update).unwrap(),
                (document.to_owned(), false),
                "{update}"
            );
        }
    }

    #[test]
    fn update_that_cannot_be_applied_is_invalid() {
        for (document, update) in [
            (r#"{"a":"x"}"#, r#"{"$inc":{"a":1}}"#),
            (r#"{"a":null}"#, r#"{"$inc":{"a":1}}"#),
            (r#"{"a":9223372036854775807}"#, r#"{"$inc":{"a":1}}"#),
            (r#"{"a":1e308}"#, r#"{"$inc":{"a":1e308}}"#),
            (r#"{"a":1}"#, r#"{"$set":{"a.b":1}}"#),
            (r#"{"a":null}"#, r#"{"$inc":{"a.b":1}}"#),
            (r#"{"a":[{"b":1}]}"#, r#"{"$set":{"a.b":1}}"#),
            (
                r#"{"a":{"$date":"2026-01-31T12:00:00Z"}}"#,
                r#"{"$set":{"a.b":1}}"#,
            ),
        ] {
            assert!(
                matches!(apply_text(document, update), Err(Error::Invalid(_))),
                "{update}"
            );
        }
    }
}
