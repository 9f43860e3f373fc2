//! Reading a request's document so that one answer names every invalid field.
//!
//! Deserialisers stop at the first mistake. Here a schema asks for its fields one by one, each
//! with a rule that turns JSON into the type it wants, and mistakes are collected on the way.

mod period;
pub mod query;
mod rule;
pub mod rules;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::{Map, Value};

use crate::body::Document;
use crate::openapi::{Describe, Operation, Properties};
use crate::problem::{FieldError, Problem, kinds};
pub use period::Period;
pub use query::Query;
pub use rule::{Rule, rule};
pub use rules::Violation;
pub use service_kit_macros::FromFields;

/// Extractor: the request's document as `T`, for `POST`, `PUT` and `PATCH`.
#[derive(Debug)]
pub struct Input<T>(pub T);

/// A schema: what a document has to look like. Derive it, with the rules as attributes:
///
/// ```
/// use service_kit::input::{FromFields, rules};
///
/// #[derive(FromFields)]
/// struct Note {
///     #[rule(rules::text(1, 100))]
///     #[example("Shopping")]
///     title: String,
///     #[rule(rules::text_with_lines(1, 10_000))]
///     text: Option<String>,
///     #[rule(rules::boolean, default = false)]
///     pinned: bool,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "not a schema",
    note = "add `#[derive(FromFields)]` to it, and to each field its rule, \
            such as `#[rule(rules::text(1, 100))]`"
)]
pub trait FromFields: Sized {
    /// Ask for every field, and only then use `?` on the results: a field that is not asked for
    /// is not checked. `None` if any was not acceptable.
    fn from_fields(fields: &mut Fields) -> Option<Self>;

    /// Add the fields and what their rules accept, for the API reference.
    fn describe(properties: &mut Properties);
}

/// The fields of a document that have not been asked for, and the mistakes found so far.
#[derive(Debug)]
pub struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<S: Sync, T: FromFields> FromRequestParts<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.remove::<Document>() {
            Some(Document(document)) => read(document).map(Self),
            None => Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)),
        }
    }
}

impl<T: FromFields> Describe for Input<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation.body.get_or_insert_default());
    }
}

/// Read a document by a schema. Fields that the schema does not know are ignored.
///
/// # Errors
/// A 422 problem that names every field that is missing or not acceptable.
pub fn read<T: FromFields>(document: Value) -> Result<T, Problem> {
    let Value::Object(object) = document else {
        let error = Violation::new("type", "has to be an object");
        return Err(Problem::invalid_fields(vec![error.at("")]));
    };
    Fields::of(object).into_schema()
}

impl Fields {
    fn of(object: Map<String, Value>) -> Self {
        let errors = Vec::new();
        Self { object, errors }
    }

    fn into_schema<T: FromFields>(mut self) -> Result<T, Problem> {
        match T::from_fields(&mut self) {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Problem::invalid_fields(self.errors)),
        }
    }

    /// Reject a field for a reason that its own rule cannot see, such as another field.
    pub fn reject(&mut self, name: &str, violation: Violation) {
        self.errors.push(violation.at(name));
    }

    /// A field that has to be there and to satisfy `rule`.
    pub fn required<T>(&mut self, name: &'static str, rule: impl Rule<Output = T>) -> Option<T> {
        match self.take(name) {
            Some(value) => self.check(name, value, rule),
            None => {
                self.reject(name, Violation::new("required", "is required"));
                None
            }
        }
    }

    /// A field that may be missing or null, and else has to satisfy `rule`.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        rule: impl Rule<Output = T>,
    ) -> Option<Option<T>> {
        match self.take(name) {
            Some(value) => self.check(name, value, rule).map(Some),
            None => Some(None),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    fn check<T>(&mut self, name: &str, value: Value, rule: impl Rule<Output = T>) -> Option<T> {
        match rule.read(value) {
            Ok(value) => Some(value),
            Err(violation) => {
                self.reject(name, violation);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, FromFields)]
    struct Pair {
        #[rule(rules::text(1, 3))]
        left: String,
        #[rule(rules::text(1, 3))]
        right: Option<String>,
        #[rule(rules::boolean, default = true)]
        fixed: bool,
        #[flatten]
        period: Period,
    }

    #[test]
    fn a_good_document_becomes_the_schema() {
        let pair: Pair = read(json!({"left": "a", "right": null, "other": 1})).unwrap();
        let (left, right, period) = ("a".to_owned(), None, Period::default());
        let fixed = true;
        assert_eq!(
            pair,
            Pair {
                left,
                right,
                fixed,
                period
            }
        );
        let pair: Pair = read(json!({"left": "a", "fixed": false, "to": "2026-01-31"})).unwrap();
        assert!(!pair.fixed && pair.period.to.is_some(), "{pair:?}");
    }

    #[test]
    fn every_invalid_field_is_reported_at_once() {
        let document = json!({"right": 1, "fixed": 1, "to": "x"});
        let problem = read::<Pair>(document).unwrap_err();
        assert_eq!(problem.status(), 422);
        let text = format!("{problem:?}");
        for pointer in ["/left", "/right", "/fixed", "/to"] {
            assert!(text.contains(pointer), "{text}");
        }
        assert!(text.contains("required") && text.contains("type"), "{text}");
    }

    #[test]
    fn anything_but_an_object_is_invalid_as_a_whole() {
        for document in [json!([]), json!("x"), json!(null)] {
            assert_eq!(read::<Pair>(document).unwrap_err().status(), 422);
        }
    }
}
