//! Updates: changes to the fields of the selected documents.

use super::{
    Error, Fields, Path, Scalar, Value, document, json,
    limits::{self, MAX_CHANGES, MAX_NESTING},
};

/// Changes to different fields, in arbitrary order. None of the fields contains another.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    changes: Vec<(Path, Change)>,
    position: Option<String>,
}

/// A change to one field.
///
/// [`Change::Set`] and [`Change::Increment`] create missing objects along the path. Any other value along
/// the path, including an array, makes the update invalid, as in MongoDB.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Sets the field to this value.
    Set(Value),
    /// Adds this integer or double to the field. A missing field counts as 0, and a field that is not a
    /// number makes the update invalid. The sum of two integers is an integer, any other sum is a double.
    Increment(Scalar),
    /// Removes the field if it exists.
    Unset,
}

impl Update {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let Value::Object(operators) = json::parse(text, "the update")? else {
            return Err(Error::Invalid("the update is not a JSON object".to_owned()));
        };
        if operators.is_empty() {
            return Err(Error::Invalid("the update is empty".to_owned()));
        }
        let (changes, position) = (Vec::new(), None);
        let mut update = Self { changes, position };
        for (operator, value) in operators {
            update.add_operator(&operator, value)?;
        }
        Ok(update)
    }

    /// The changed fields with their changes, at most 100.
    #[must_use]
    pub fn changes(&self) -> &[(Path, Change)] {
        &self.changes
    }

    /// The field at the top of each document that gets the position at which the change is stored. It is
    /// not among the changes.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    fn add_operator(&mut self, operator: &str, value: Value) -> Result<(), Error> {
        let parse = match operator {
            "$set" => parse_set,
            "$inc" => parse_increment,
            "$unset" => parse_unset,
            _ => return Err(unknown_operator(operator)),
        };
        for (name, value) in require_fields(operator, value)? {
            let path = Path::parse(&name)?;
            if operator == "$set" && document::is_position(&value) {
                self.add_position(&path)?;
                continue;
            }
            let change = parse(&path, value)?;
            self.add_change(path, change)?;
        }
        Ok(())
    }

    fn add_position(&mut self, path: &Path) -> Result<(), Error> {
        match path.names() {
            [name] if name != "_id" && self.position.is_none() && self.changes.is_empty() => {
                self.position = Some(name.clone());
                Ok(())
            }
            _ => Err(Error::Invalid(
                "`$position` must be the only change, of a field at the top".to_owned(),
            )),
        }
    }

    fn add_change(&mut self, path: Path, change: Change) -> Result<(), Error> {
        if path.names().first().is_some_and(|name| name == "_id") {
            return Err(Error::Invalid("`_id` cannot be changed".to_owned()));
        }
        if self.position.is_some() {
            return Err(Error::Invalid(
                "`$position` must be the only change, of a field at the top".to_owned(),
            ));
        }
        if self.changes.len() == MAX_CHANGES {
            return Err(Error::Invalid(format!(
                "an update changes at most {MAX_CHANGES} fields"
            )));
        }
        if let Some((other, _)) = self.changes.iter().find(|(other, _)| other.overlaps(&path)) {
            return Err(Error::Invalid(format!(
                "the update changes both `{other}` and `{path}`"
            )));
        }
        self.changes.push((path, change));
        Ok(())
    }
}

fn parse_set(path: &Path, value: Value) -> Result<Change, Error> {
    document::check_names(&value)?;
    if path.names().len() + value.depth() > MAX_NESTING {
        return Err(limits::too_deep(&format!("the value for `{path}`")));
    }
    Ok(Change::Set(value))
}

fn parse_increment(path: &Path, value: Value) -> Result<Change, Error> {
    match value {
        Value::Scalar(number @ (Scalar::Integer(_) | Scalar::Double(_))) => {
            Ok(Change::Increment(number))
        }
        _ => Err(Error::Invalid(format!("`$inc` of `{path}` takes a number"))),
    }
}

/// Ignores the value, as MongoDB does.
#[expect(clippy::unnecessary_wraps, reason = "one signature for all operators")]
fn parse_unset(_: &Path, _: Value) -> Result<Change, Error> {
    Ok(Change::Unset)
}

fn require_fields(operator: &str, value: Value) -> Result<Fields, Error> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::Invalid(format!(
            "`{operator}` takes an object of fields"
        ))),
    }
}

fn unknown_operator(name: &str) -> Error {
    let name = name.escape_debug();
    Error::Invalid(format!(
        "`{name}` is not an update operator; the operators are `$set`, `$inc`, `$unset`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_combine() {
        let update = Update::parse(
            r#"{"$set":{"a.b":{"c":[1]}},"$inc":{"n":-2,"x":0.5},"$unset":{"d":""}}"#,
        );
        let path = |text: &str| Path::parse(text).unwrap();
        assert_eq!(
            update.unwrap().changes(),
            [
                (
                    path("a.b"),
                    Change::Set(json::parse(r#"{"c":[1]}"#, "").unwrap())
                ),
                (path("n"), Change::Increment(Scalar::Integer(-2))),
                (path("x"), Change::Increment(Scalar::Double(0.5))),
                (path("d"), Change::Unset),
            ]
        );
    }

    #[test]
    fn text_outside_the_update_language_is_invalid() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"a":1}"#,
            r#"{"$push":{"a":1}}"#,
            r#"{"$set":1}"#,
            r#"{"$set":{"$a":1}}"#,
            r#"{"$set":{"a":{"$b":1}}}"#,
            r#"{"$set":{"":1}}"#,
            r#"{"$set":{"a.1":1}}"#,
            r#"{"$inc":{"a":"1"}}"#,
            r#"{"$inc":{"a":null}}"#,
            r#"{"$set":{"_id":"x"}}"#,
            r#"{"$unset":{"_id":1}}"#,
            r#"{"$set":{"_id.a":1}}"#,
            r#"{"$set":{"a":1},"$inc":{"a":1}}"#,
            r#"{"$set":{"a":1,"a.b":1}}"#,
            r#"{"$set":{"a.b":1},"$unset":{"a":1}}"#,
            r#"{"$set":{"a.b":{"$position":true}}}"#,
            r#"{"$set":{"a":{"$position":true},"b":1}}"#,
            r#"{"$set":{"b":1,"a":{"$position":true}}}"#,
        ] {
            assert!(
                matches!(Update::parse(text), Err(Error::Invalid(_))),
                "{text}"
            );
        }
        assert!(
            Update::parse(r#"{"$rename":{}}"#)
                .unwrap_err()
                .to_string()
                .starts_with("`$rename`")
        );
    }

    #[test]
    fn changes_and_nesting_are_limited() {
        let changes = |count: usize| {
            let fields: Vec<_> = (0..count).map(|n| format!(r#""a{n}":1"#)).collect();
            Update::parse(&format!(r#"{{"$set":{{{}}}}}"#, fields.join(",")))
        };
        assert!(changes(MAX_CHANGES).is_ok());
        assert!(matches!(changes(MAX_CHANGES + 1), Err(Error::Invalid(_))));
        let deep = |names: usize, levels: usize| {
            let (path, value) = (
                vec!["a"; names].join("."),
                format!("{}{}", "[".repeat(levels), "]".repeat(levels)),
            );
            Update::parse(&format!(r#"{{"$set":{{"{path}":{value}}}}}"#))
        };
        assert!(deep(4, 60).is_ok());
        assert!(matches!(deep(5, 60), Err(Error::TooLarge(_))));
    }
}
