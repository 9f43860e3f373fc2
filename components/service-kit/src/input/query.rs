//! The query string, read by the same rules as a document.
//!
//! Every parameter is text, so a schema uses rules that take text; [`super::rules::decimal`] is the
//! one for numbers. As in documents, parameters that the schema does not know are ignored.

use axum::extract::FromRequestParts;
use axum::extract::Query as Pairs;
use axum::http::Uri;
use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::{Fields, FromFields, Violation};
use crate::openapi::{Describe, Operation};
use crate::problem::{Problem, kinds};

/// The longest query string that is read. The longest of ours, every filter and a cursor, has some
/// 300 bytes.
const MAX_BYTES: usize = 4096;

/// Extractor: the request's query string as `T`. For routes of every kind.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Sync, T: FromFields> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.uri).map(Self)
    }
}

impl<T: FromFields> Describe for Query<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation.query.get_or_insert_default());
    }
}

/// Read the query string of `uri` by a schema. Without one every parameter is missing.
///
/// # Errors
/// A 422 problem that names every parameter that is missing, given twice or not acceptable; a 414
/// problem for a query string above 4 KiB.
pub fn read<T: FromFields>(uri: &Uri) -> Result<T, Problem> {
    if uri.query().is_some_and(|query| query.len() > MAX_BYTES) {
        return Err(Problem::of(&kinds::QUERY_TOO_LONG));
    }
    let mut fields = Fields::of(Map::new());
    // Bytes that are not UTF-8 become U+FFFD, which the rules judge like any other character.
    let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Problem::internal(format!("reading a query string: {error}")))?;
    for (name, text) in pairs.0 {
        if fields.object.contains_key(&name) {
            fields.reject(&name, Violation::new("repeated", "must not be given twice"));
        } else {
            fields.object.insert(name, Value::String(text));
        }
    }
    fields.into_schema()
}

#[cfg(test)]
mod tests {
    use super::super::rules;
    use super::*;

    #[derive(Debug, PartialEq, FromFields)]
    struct Search {
        #[rule(rules::text(1, 9))]
        text: Option<String>,
        #[rule(rules::decimal(1..=100))]
        limit: Option<u32>,
    }

    fn search(query: &str) -> Result<Search, Problem> {
        read(&format!("/search?{query}").parse().unwrap())
    }

    #[test]
    fn parameters_are_decoded_and_read_by_their_rules() {
        let found = search("text=a%20b+%C3%A9&limit=7&other=1").unwrap();
        assert_eq!(found.text.as_deref(), Some("a b é"));
        assert_eq!(found.limit, Some(7));
        let nothing: Search = read(&"/search".parse().unwrap()).unwrap();
        assert_eq!((nothing.text, nothing.limit), (None, None));
    }

    #[test]
    fn every_wrong_parameter_is_named_at_once() {
        let problem = search("text=%00&limit=101").unwrap_err();
        assert_eq!(problem.status(), 422);
        let text = format!("{problem:?}");
        assert!(text.contains("/text") && text.contains("/limit"), "{text}");
    }

    #[test]
    fn a_parameter_given_twice_is_refused_instead_of_chosen_from() {
        let problem = format!("{:?}", search("limit=1&limit=2").unwrap_err());
        assert!(problem.contains("repeated"), "{problem}");
    }

    #[test]
    fn a_query_string_is_read_up_to_its_limit() {
        let padded = |bytes: usize| search(&format!("x={}", "y".repeat(bytes - 2)));
        assert!(padded(MAX_BYTES).is_ok());
        assert_eq!(padded(MAX_BYTES + 1).unwrap_err().status(), 414);
    }
}
