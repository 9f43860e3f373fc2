//! What most cases do.

use std::panic::AssertUnwindSafe;

use adapter_capabilities::documents::{Direction, Documents, Error, InsertOutcome, Query};
use futures_util::FutureExt as _;
use serde_json::Value;

/// The collection of every case.
pub(super) const EVENTS: &str = "events";

/// Stores documents given as a JSON list.
pub(super) async fn store(documents: &Documents, list: &str) {
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    let texts: Vec<String> = list.iter().map(Value::to_string).collect();
    let outcomes = documents.insert(EVENTS, &texts).await.unwrap();
    assert_eq!(outcomes, vec![InsertOutcome::Inserted; texts.len()]);
}

/// Asserts that exactly the documents with these ids match, blanks between them.
pub(super) async fn matches(documents: &Documents, filter: &str, ids: &str) {
    assert_eq!(sorted(documents, filter, &[]).await, ids, "{filter}");
    let count = documents.count(EVENTS, filter).await.unwrap();
    assert_eq!(
        count,
        ids.split_whitespace().count() as u64,
        "count of {filter}"
    );
}

/// The ids of the documents that match, in this order.
pub(super) async fn sorted(
    documents: &Documents,
    filter: &str,
    sort: &[(&str, Direction)],
) -> String {
    let found = documents.find(EVENTS, &query(filter, sort)).await.unwrap();
    let id = |text: &String| parsed(text)["_id"].as_str().unwrap().to_owned();
    found.iter().map(id).collect::<Vec<_>>().join(" ")
}

/// As many as the limits allow.
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

/// The document with this id.
pub(super) async fn document(documents: &Documents, id: &str) -> Value {
    let filter = serde_json::json!({"_id": id}).to_string();
    let found = documents.find(EVENTS, &query(&filter, &[])).await.unwrap();
    assert_eq!(found.len(), 1, "{id}");
    parsed(&found[0])
}

/// JSON text as a value: stores order and space it differently.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Asserts the rejection and returns its reason.
pub(super) fn invalid<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) -> String {
    match result {
        Err(Error::Invalid(reason)) => reason,
        other => panic!("{what}: {other:?}"),
    }
}

/// Asserts the rejection.
pub(super) fn too_large<T: std::fmt::Debug>(result: &Result<T, Error>, what: &str) {
    assert!(
        matches!(result, Err(Error::TooLarge(_))),
        "{what}: {result:?}"
    );
}

/// Asserts that a case fails.
pub(super) async fn fails(case: impl Future<Output = ()>) {
    let result = AssertUnwindSafe(case).catch_unwind().await;
    assert!(
        result.is_err(),
        "the small server does this right by now: let it be an ordinary case"
    );
}
