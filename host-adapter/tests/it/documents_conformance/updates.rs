//! Updates of stored documents.

use adapter_capabilities::documents::Documents;
use serde_json::json;

use super::shorthand::{EVENTS, assert_matches, expect_invalid, find_document, store};

pub(super) async fn fields_are_set_incremented_and_removed(documents: &Documents) {
    store(
        documents,
        r#"[{"_id":"a","n":1,"x":0.1,"o":{"p":1,"q":2},"old":true}, {"_id":"b"}]"#,
    )
    .await;
    let update = r#"{"$set":{"s":"é","o.r.t":[1],"at":{"$date":"2026-01-01T00:00:00Z"}},
        "$inc":{"n":-3,"x":0.2,"m.k":5},"$unset":{"old":"","o.q":1,"none.there":1}}"#;
    assert_eq!(
        documents
            .update(EVENTS, r#"{"_id":"a"}"#, update)
            .await
            .unwrap(),
        1
    );
    let expected = json!({
        "_id": "a", "n": -2, "x": 0.1 + 0.2, "o": {"p": 1, "r": {"t": [1]}}, "m": {"k": 5}, "s": "é",
        "at": {"$date": "2026-01-01T00:00:00.000Z"}
    });
    assert_eq!(find_document(documents, "a").await, expected);
    assert_eq!(find_document(documents, "b").await, json!({"_id": "b"}));
    assert_matches(
        documents,
        r#"{"o.r.t":1,"at":{"$gt":{"$date":"2025-01-01T00:00:00Z"}}}"#,
        "a",
    )
    .await;
}

pub(super) async fn each_matching_document_is_updated_once(documents: &Documents) {
    let list: Vec<_> = (0..100)
        .map(|n| json!({"_id": format!("{n:02}"), "n": n}))
        .collect();
    store(documents, &json!(list).to_string()).await;
    // Updated documents still match the filter, but are updated only once.
    let update = r#"{"$inc":{"n":1},"$set":{"seen":true}}"#;
    assert_eq!(
        documents
            .update(EVENTS, r#"{"n":{"$gte":10}}"#, update)
            .await
            .unwrap(),
        90
    );
    assert_matches(documents, r#"{"n":{"$lte":11},"seen":true}"#, "10").await;
    assert_eq!(find_document(documents, "99").await["n"], 100);
    // The count includes matching documents that the update does not change.
    assert_eq!(
        documents
            .update(EVENTS, "{}", r#"{"$set":{"seen":true}}"#)
            .await
            .unwrap(),
        100
    );
    assert_eq!(
        documents
            .update(EVENTS, r#"{"n":-1}"#, update)
            .await
            .unwrap(),
        0
    );
}

pub(super) async fn concurrent_increments_add_up(documents: &Documents) {
    store(documents, r#"[{"_id":"a","n":0}, {"_id":"b","n":0}]"#).await;
    let calls = (0..40).map(|_| documents.update(EVENTS, "{}", r#"{"$inc":{"n":1}}"#));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap(), 2);
    }
    assert_matches(documents, r#"{"n":40}"#, "a b").await;
}

pub(super) async fn a_failed_update_changes_nothing(documents: &Documents) {
    let given = json!({"_id": "a", "s": "x", "n": null, "l": [{"k": 1}], "max": i64::MAX, "at": {"$date": "2026-01-01T00:00:00.000Z"}});
    store(documents, &json!([given]).to_string()).await;
    for update in [
        r#"{"$set":{"ok":1},"$inc":{"s":1}}"#,
        r#"{"$inc":{"n":1}}"#,
        r#"{"$inc":{"max":1}}"#,
        r#"{"$set":{"s.t":1}}"#,
        r#"{"$set":{"l.k":1}}"#,
        r#"{"$inc":{"n.m":1}}"#,
        r#"{"$set":{"at.x":1}}"#,
        r#"{"$inc":{"at":1}}"#,
    ] {
        expect_invalid(documents.update(EVENTS, "{}", update).await, update);
        assert_eq!(find_document(documents, "a").await, given, "{update}");
    }
    // The failed updates released the connection and the document's lock.
    let update = r#"{"$unset":{"none.there":1}}"#;
    assert_eq!(documents.update(EVENTS, "{}", update).await.unwrap(), 1);
    assert_eq!(find_document(documents, "a").await, given);
}
