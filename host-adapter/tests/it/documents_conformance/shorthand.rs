//! Helpers for the cases.

use std::panic::AssertUnwindSafe;

use adapter_capabilities::documents::{Direction, Documents, Error, InsertOutcome, Query};
use futures_util::FutureExt as _;
use serde_json::Value;

/// The collection that all cases use.
pub(super) const EVENTS: &str = "events";

/// Stores documents given as a JSON list.
pub(super) async fn store(documents: &Documents, list: &str) {
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    let texts: Vec<String> = list.iter().map(Value::to_string).collect();
    let outcomes = documents.insert(EVENTS, &texts).await.unwrap();
    assert_eq!(outcomes, vec![InsertOutcome::Inserted; texts.len()]);
}

/// Asserts that exactly the documents with these space-separated ids match.
pub(super) async fn assert_matches(documents: &Documents, filter: &str, ids: &str) {
    assert_eq!(sorted_ids(documents, filter, &[]).await, ids, "{filter}");
    let count = documents.count(EVENTS, filter).await.unwrap();
    assert_eq!(
        count,
        ids.split_whitespace().count() as u64,
        "count of {filter}"
    );
}

/// Returns the space-separated ids of the matching documents, in the order of `sort`.
pub(super) async fn sorted_ids(
    documents: &Documents,
    filter: &str,
    sort: &[(&str, Direction)],
) -> String {
    let found = documents.find(EVENTS, &query(filter, sort)).await.unwrap();
    let id = |text: &String| parse(text)["_id"].as_str().unwrap().to_owned();
    found.iter().map(id).collect::<Vec<_>>().join(" ")
}

/// A query for as many documents as the limits allow.
pub(super) fn query(filter: &str, sort: &[(&str, Direction)]) -> Query {
    let sort = sort
        .iter()
        .map(|(name, direction)| ((*name).to_owned(), *direction))
        .collect();
    Query {
        filter: filter.to_owned(),
        sort,
        skip: 0,
        limit: 0,
    }
}

/// Returns the document with this id.
pub(super) async fn find_document(documents: &Documents, id: &str) -> Value {
    let filter = serde_json::json!({"_id": id}).to_string();
    let found = documents.find(EVENTS, &query(&filter, &[])).await.unwrap();
    assert_eq!(found.len(), 1, "{id}");
    parse(&found[0])
}

/// Parses JSON, because stores differ in whitespace and the order of fields.
pub(super) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Asserts that the call was invalid, and returns the reason.
pub(super) fn expect_invalid<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) -> String {
    match result {
        Err(Error::Invalid(reason)) => reason,
        other => panic!("{what}: {other:?}"),
    }
}

/// Asserts that the call exceeded a limit.
pub(super) fn expect_too_large<T: std::fmt::Debug>(result: &Result<T, Error>, what: &str) {
    assert!(
        matches!(result, Err(Error::TooLarge(_))),
        "{what}: {result:?}"
    );
}

/// Asserts that a case fails.
pub(super) async fn assert_fails(case: impl Future<Output = ()>) {
    let result = AssertUnwindSafe(case).catch_unwind().await;
    assert!(
        result.is_err(),
        "the stand-in passes this case by now: move it to the ordinary cases"
    );
}
