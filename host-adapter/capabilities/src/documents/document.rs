//! Validated documents.

use super::{Error, Fields, Scalar, Value, json, limits::MAX_ID};

/// A valid document: an object within the limits that has a string `_id` and no field name that
/// begins with `$`.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    id: String,
    value: Value,
    position: Option<String>,
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        Self::new(json::parse(text, "the document")?)
    }

    /// The same, for a document whose `{"$subject": true}` stands for `subject`.
    pub(super) fn parse_for(subject: &str, text: &str) -> Result<Self, Error> {
        let mut value = json::parse(text, "the document")?;
        if let Value::Object(fields) = &mut value {
            fill_subject(fields, subject)?;
        }
        Self::new(value)
    }

    fn new(mut value: Value) -> Result<Self, Error> {
        let position = match &mut value {
            Value::Object(fields) => take_position(fields),
            _ => None,
        };
        check_names(&value)?;
        let id = require_id(&value)?.to_owned();
        Ok(Self {
            id,
            value,
            position,
        })
    }

    /// The name of the field that gets the document's position when it is stored. It is not in
    /// [`Document::value`].
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// The value of `_id`, 1 to 256 bytes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole document, always a [`Value::Object`].
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// Takes the field with the value `{"$position": true}` out of a document. Of several, the others remain
/// and are rejected.
fn take_position(fields: &mut Fields) -> Option<String> {
    let is_name = |name: &str| !name.is_empty() && name != "_id" && !name.starts_with('$');
    let found = fields
        .iter()
        .position(|(name, value)| is_name(name) && is_position(value))?;
    Some(fields.remove(found).0)
}

/// Replaces the value `{"$subject": true}` of a field. Of several, the others remain and are rejected: a subject is
/// longer, and the size of the text is checked before.
fn fill_subject(fields: &mut Fields, subject: &str) -> Result<(), Error> {
    // JSONB cannot store it. An issuer may have put it into a token.
    if subject.contains('\0') {
        let reason = "the token's subject contains a NUL character";
        return Err(Error::Invalid(reason.to_owned()));
    }
    let mut values = fields.iter_mut().map(|(_, value)| value);
    if let Some(value) = values.find(|value| stands_for(value, "$subject")) {
        *value = Value::Scalar(Scalar::String(subject.to_owned()));
    }
    Ok(())
}

/// Whether a value is `{"$position": true}`, which stands for the position of its document.
pub(super) fn is_position(value: &Value) -> bool {
    stands_for(value, "$position")
}

/// Whether a value is the name of something that the adapter puts in its place.
fn stands_for(value: &Value, what: &str) -> bool {
    let Value::Object(fields) = value else {
        return false;
    };
    matches!(
        fields.as_slice(),
        [(name, Value::Scalar(Scalar::Boolean(true)))] if name == what
    )
}

/// Rejects field names that would be operators, at any depth of a value to be stored.
pub(super) fn check_names(value: &Value) -> Result<(), Error> {
    match value {
        Value::Scalar(_) => Ok(()),
        Value::Array(values) => values.iter().try_for_each(check_names),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            if name.starts_with('$') {
                let name = name.escape_debug();
                return Err(Error::Invalid(format!(
                    "field name `{name}` begins with `$`"
                )));
            }
            check_names(value)
        }),
    }
}

fn require_id(document: &Value) -> Result<&str, Error> {
    let Value::Object(fields) = document else {
        return Err(Error::Invalid(
            "the document is not a JSON object".to_owned(),
        ));
    };
    match fields.iter().find(|(name, _)| name == "_id") {
        Some((_, Value::Scalar(Scalar::String(id)))) if (1..=MAX_ID).contains(&id.len()) => Ok(id),
        _ => Err(Error::Invalid(format!(
            "`_id` must be a string of 1 to {MAX_ID} bytes"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_of_a_position_is_taken_out() {
        let text = r#"{"_id":"x","at":{"$position":true},"b":1}"#;
        let document = Document::parse(text).unwrap();
        assert_eq!(document.position(), Some("at"));
        assert_eq!(document.value().to_json(), r#"{"_id":"x","b":1}"#);
        for text in [
            r#"{"_id":"x","a":{"$position":true},"b":{"$position":true}}"#,
            r#"{"_id":"x","a":{"$position":1}}"#,
            r#"{"_id":"x","a":{"b":{"$position":true}}}"#,
            r#"{"_id":{"$position":true}}"#,
        ] {
            assert!(
                matches!(Document::parse(text), Err(Error::Invalid(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn the_subject_is_filled_in_once_at_the_top() {
        let parse = |text: &str| Document::parse_for("ada", text);
        let text = r#"{"_id":"x","by":{"$subject":true},"at":{"$position":true}}"#;
        let document = parse(text).unwrap();
        assert_eq!(document.value().to_json(), r#"{"_id":"x","by":"ada"}"#);
        assert_eq!(document.position(), Some("at"));
        assert_eq!(parse(r#"{"_id":{"$subject":true}}"#).unwrap().id(), "ada");
        for text in [
            r#"{"_id":"x","a":{"$subject":true},"b":{"$subject":true}}"#,
            r#"{"_id":"x","a":{"$subject":false}}"#,
            r#"{"_id":"x","a":{"b":{"$subject":true}}}"#,
        ] {
            assert!(matches!(parse(text), Err(Error::Invalid(_))), "{text}");
        }
        let without = Document::parse(r#"{"_id":"x","by":{"$subject":true}}"#);
        assert!(matches!(without, Err(Error::Invalid(_))), "{without:?}");
        let with_nul = Document::parse_for("a\0", r#"{"_id":"x"}"#);
        assert!(matches!(with_nul, Err(Error::Invalid(_))), "{with_nul:?}");
    }

    #[test]
    fn document_with_id_and_arbitrary_fields_is_accepted() {
        let document = Document::parse(
            r#"{"_id":"x","a.b":1,"":2,"c":{"at":{"$date":"2026-01-31T12:00:00Z"}}}"#,
        );
        assert_eq!(document.unwrap().id(), "x");
        assert!(Document::parse(&format!(r#"{{"_id":"{}"}}"#, "x".repeat(256))).is_ok());
    }

    #[test]
    fn document_without_valid_id_or_names_is_invalid() {
        for text in [
            "[]",
            "{}",
            r#"{"_id":""}"#,
            r#"{"_id":1}"#,
            r#"{"_id":null}"#,
            r#"{"_id":{"a":1}}"#,
            r#"{"_id":"x","$where":1}"#,
            r#"{"_id":"x","a":[{"$gt":1}]}"#,
            r#"{"_id":"x","a":{"$date":"2026-01-31T12:00:00Z","b":1}}"#,
            &format!(r#"{{"_id":"{}"}}"#, "x".repeat(257)),
        ] {
            assert!(
                matches!(Document::parse(text), Err(Error::Invalid(_))),
                "{text}"
            );
        }
    }
}
