//! Documents with unusual names, of the largest depth and size, and in large numbers.

use std::collections::BTreeSet;

use adapter_capabilities::documents::{Direction::Ascending, Documents, InsertOutcome::Inserted};
use serde_json::json;

use super::shorthand::{EVENTS, assert_matches, expect_invalid, find_document, parse, query};

pub(super) async fn unusual_field_names_are_kept(documents: &Documents) {
    let given = json!({
        "_id": "a", "": 1, "a.b": 2, "a": {"b": 3, "": {"": 4}}, "0": [5], "x$y": 6, "$": 7.5, " ": 8, "é.𐍈": null, ".": "dot",
    });
    let mut kept = given.clone();
    kept.as_object_mut().unwrap().remove("$");
    expect_invalid(
        documents.insert(EVENTS, &[given.to_string()]).await,
        "a name that begins with `$`",
    );
    documents.insert(EVENTS, &[kept.to_string()]).await.unwrap();
    assert_eq!(find_document(documents, "a").await, kept);
    // A path never matches a field whose name contains a dot.
    assert_matches(documents, r#"{"a.b":3}"#, "a").await;
    assert_matches(documents, r#"{"a.b":2}"#, "").await;
    assert_matches(documents, r#"{"x$y":{"$gte":6}," ":8}"#, "a").await;
    // This document has no names with dots, because the stand-in cannot update documents with them.
    let mut given = json!({"_id": "b", "": {"": 1}, "a": {"b": 3}, "0": [5], "x$y": 6, " ": 8});
    documents
        .insert(EVENTS, &[given.to_string()])
        .await
        .unwrap();
    let update = r#"{"$set":{"a.b":9},"$inc":{"x$y":1},"$unset":{" ":1}}"#;
    let only = r#"{"_id":"b"}"#;
    assert_eq!(documents.update(EVENTS, only, update).await.unwrap(), 1);
    given["a"]["b"] = json!(9);
    given["x$y"] = json!(7);
    given.as_object_mut().unwrap().remove(" ");
    assert_eq!(find_document(documents, "b").await, given);
}

pub(super) async fn the_deepest_document_is_found_and_updated(documents: &Documents) {
    let path = vec!["d"; 63].join(".");
    let deepest = (0..63).fold(json!(1), |inner, _| json!({"d": inner}));
    let mut given = deepest;
    given["_id"] = json!("a");
    documents
        .insert(EVENTS, &[given.to_string()])
        .await
        .unwrap();
    assert_eq!(find_document(documents, "a").await, given);
    assert_matches(documents, &json!({path.as_str(): 1}).to_string(), "a").await;
    let update = json!({"$inc": {path.as_str(): 1}}).to_string();
    assert_eq!(documents.update(EVENTS, "{}", &update).await.unwrap(), 1);
    assert_matches(
        documents,
        &json!({path.as_str(): {"$gt": 1}}).to_string(),
        "a",
    )
    .await;
    let counts = documents.count_by(EVENTS, &path, "{}").await.unwrap();
    assert_eq!(counts, [("2".to_owned(), 1)]);
    let nested = format!(
        "{}{{\"d\":null}}{}",
        r#"{"$and":["#.repeat(30),
        "]}".repeat(30)
    );
    assert_matches(documents, &nested, "").await;
}

pub(super) async fn the_largest_document_is_returned_whole(documents: &Documents) {
    let mut given = json!({"_id": "a", "list": (0..20_000).collect::<Vec<u32>>(), "text": ""});
    let room = 1024 * 1024 - given.to_string().len();
    given["text"] = json!("é".repeat(room / 2));
    documents
        .insert(EVENTS, &[given.to_string()])
        .await
        .unwrap();
    assert_eq!(find_document(documents, "a").await, given);
    assert_matches(documents, r#"{"list":{"$gte":19999}}"#, "a").await;
    let smaller = r#"{"$unset":{"text":1},"$set":{"list":[]}}"#;
    assert_eq!(documents.update(EVENTS, "{}", smaller).await.unwrap(), 1);
    assert_eq!(
        find_document(documents, "a").await,
        json!({"_id": "a", "list": []})
    );
}

pub(super) async fn ten_thousand_documents_are_paged_updated_and_removed(documents: &Documents) {
    let one =
        |n: usize| json!({"_id": format!("{n:05}"), "n": n, "kind": n % 7, "user": n % 1_500});
    for thousand in 0..10 {
        let list: Vec<_> = (thousand * 1_000..(thousand + 1) * 1_000)
            .map(|n| one(n).to_string())
            .collect();
        let outcomes = documents.insert(EVENTS, &list).await.unwrap();
        assert_eq!(outcomes, vec![Inserted; 1_000]);
    }
    assert_eq!(paged(documents).await, (0..10_000).collect());
    assert_eq!(documents.count(EVENTS, "{}").await.unwrap(), 10_000);
    assert_eq!(
        documents
            .count(EVENTS, r#"{"n":{"$lt":1234}}"#)
            .await
            .unwrap(),
        1_234
    );
    assert_eq!(
        documents
            .count_distinct(EVENTS, "user", "{}")
            .await
            .unwrap(),
        1_500
    );
    let kinds = documents.count_by(EVENTS, "kind", "{}").await.unwrap();
    let expected: Vec<_> = (0..7)
        .map(|kind: u64| (kind.to_string(), 1_428 + u64::from(kind < 4)))
        .collect();
    assert_eq!(kinds, expected);

    let even = r#"{"kind":{"$in":[0,2,4,6]}}"#;
    let update = r#"{"$inc":{"n":10000},"$set":{"seen":true}}"#;
    let changed = documents.update(EVENTS, even, update).await.unwrap();
    assert_eq!(changed, 1_429 * 2 + 1_428 * 2);
    assert_eq!(
        documents
            .count(EVENTS, r#"{"n":{"$gte":10000}}"#)
            .await
            .unwrap(),
        changed
    );
    assert_eq!(
        documents.remove(EVENTS, r#"{"seen":true}"#).await.unwrap(),
        changed
    );
    assert_eq!(
        documents.count(EVENTS, "{}").await.unwrap(),
        10_000 - changed
    );
}

/// Reads every `n` in pages of 1,000 documents. Each page starts after the last `n` of the one before.
async fn paged(documents: &Documents) -> BTreeSet<i64> {
    let (mut all, mut after) = (BTreeSet::new(), -1);
    loop {
        let query = query(
            &json!({"n": {"$gt": after}}).to_string(),
            &[("n", Ascending)],
        );
        let page = documents.find(EVENTS, &query).await.unwrap();
        let numbers: Vec<i64> = page
            .iter()
            .map(|text| parse(text)["n"].as_i64().unwrap())
            .collect();
        let Some(last) = numbers.last() else {
            return all;
        };
        assert!(numbers.is_sorted() && numbers.first() > Some(&after));
        after = *last;
        all.extend(&numbers);
    }
}
