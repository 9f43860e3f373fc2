//! Properties of documents, filters and updates, for any input.

use proptest::prelude::*;

use super::{
    date::Date, document::Document, filter::Filter, json, path::Path, update::Update, value,
};
use crate::fuzzing;

/// Names that mean something in filters and updates.
const NAMES: [&str; 18] = [
    "$and",
    "$or",
    "$eq",
    "$ne",
    "$gt",
    "$lte",
    "$in",
    "$exists",
    "$date",
    "$set",
    "$inc",
    "$unset",
    "$position",
    "$where",
    "_id",
    "a",
    "a.b",
    "a..b",
];

/// The only operators that a filter may have: every other one could reach further in a store.
const OPERATORS: [&str; 11] = [
    "$and", "$or", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$exists", "$date",
];

/// The names that begin with `$`, at any depth.
fn operators(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::Array(values) => values.iter().flat_map(operators).collect(),
        serde_json::Value::Object(members) => {
            let names = members.keys().map(String::as_str);
            let names = names.filter(|name| name.starts_with('$'));
            names.chain(members.values().flat_map(operators)).collect()
        }
        _ => vec![],
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in fuzzing::text()) {
        let _ = Filter::parse(&text);
        let _ = Update::parse(&text);
        let _ = Document::parse(&text);
        let _ = Path::parse(&text);
        if let Some(date) = Date::parse(&text) {
            prop_assert_eq!(Date::parse(&date.to_string()), Some(date));
        }
    }

    #[test]
    fn a_filter_has_known_operators_only(filter in fuzzing::json(&NAMES)) {
        if Filter::parse(&filter.to_string()).is_ok() {
            for operator in operators(&filter) {
                prop_assert!(OPERATORS.contains(&operator), "{}", filter);
            }
        }
    }

    #[test]
    fn an_update_changes_no_id(update in fuzzing::json(&NAMES)) {
        if let Ok(update) = Update::parse(&update.to_string()) {
            prop_assert!(update.changes().iter().all(|(path, _)| !path.is_id()));
        }
    }

    #[test]
    fn a_document_reads_back_the_same(mut document in fuzzing::json(&["a", "b", "$date", "_id"])) {
        if let Some(members) = document.as_object_mut() {
            members.insert("_id".to_owned(), "x".into());
        }
        if let Ok(document) = Document::parse(&document.to_string()) {
            prop_assert!(operators_of(document.value()).is_empty());
            let text = value::to_json(document.value());
            let again = json::parse(&text, "the document").unwrap();
            prop_assert_eq!(&again, document.value());
        }
    }

    #[test]
    fn a_time_reads_back_the_same(seconds in 0_i64..253_402_300_799, milliseconds in 0_i64..1_000) {
        let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let date = Date::new(time + time::Duration::milliseconds(milliseconds)).unwrap();
        prop_assert_eq!(Date::parse(&date.to_string()), Some(date));
    }
}

fn operators_of(value: &super::Value) -> Vec<&str> {
    match value {
        super::Value::Array(values) => values.iter().flat_map(operators_of).collect(),
        super::Value::Object(fields) => {
            let names = fields.iter().map(|(name, _)| name.as_str());
            let names = names.filter(|name| name.starts_with('$'));
            let inner = fields.iter().flat_map(|(_, value)| operators_of(value));
            names.chain(inner).collect()
        }
        super::Value::Scalar(_) => vec![],
    }
}
