//! Inserts and removals.

use adapter_capabilities::documents::{
    Documents, InsertOneOutcome,
    InsertOutcome::{Duplicate, Inserted},
};
use serde_json::json;

use super::shorthand::{EVENTS, assert_matches, find_document, store};

pub(super) async fn the_same_id_is_stored_once(documents: &Documents) {
    store(documents, r#"[{"_id":"b","v":1}]"#).await;
    let list = [r#"{"_id":"c"}"#, r#"{"_id":"b","v":2}"#, r#"{"_id":"a"}"#].map(str::to_owned);
    assert_eq!(
        documents.insert(EVENTS, &list).await.unwrap(),
        [Inserted, Duplicate, Inserted]
    );
    assert_eq!(
        documents.insert(EVENTS, &list).await.unwrap(),
        [Duplicate; 3]
    );
    assert_eq!(
        find_document(documents, "b").await,
        json!({"_id": "b", "v": 1})
    );
}

pub(super) async fn one_document_is_stored_once(documents: &Documents) {
    let insert = async |text: &str| documents.insert_one(EVENTS, text).await.unwrap();
    let first = insert(r#"{"_id":"b","v":1}"#).await;
    assert_eq!(first, InsertOneOutcome::Inserted);
    let second = insert(r#"{"_id":"b","v":2}"#).await;
    assert_eq!(second, InsertOneOutcome::Duplicate);
    assert_eq!(
        find_document(documents, "b").await,
        json!({"_id": "b", "v": 1})
    );
}

pub(super) async fn the_first_of_two_duplicates_in_one_call_is_stored(documents: &Documents) {
    let list = [
        r#"{"_id":"b","v":1}"#,
        r#"{"_id":"a"}"#,
        r#"{"_id":"b","v":2}"#,
    ]
    .map(str::to_owned);
    assert_eq!(
        documents.insert(EVENTS, &list).await.unwrap(),
        [Inserted, Inserted, Duplicate]
    );
    assert_eq!(
        find_document(documents, "b").await,
        json!({"_id": "b", "v": 1})
    );
}

pub(super) async fn overlapping_inserts_store_each_document_once(documents: &Documents) {
    let list: Vec<_> = (0..200)
        .map(|n| json!({"_id": format!("{n:03}")}).to_string())
        .collect();
    let reversed: Vec<_> = list.iter().rev().cloned().collect();
    let rotated = [&list[77..], &list[..77]].concat();
    let (a, b, c, d) = tokio::join!(
        documents.insert(EVENTS, &list),
        documents.insert(EVENTS, &list),
        documents.insert(EVENTS, &reversed),
        documents.insert(EVENTS, &rotated)
    );
    let outcomes = [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()].concat();
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Inserted)
            .count(),
        200
    );
    assert_eq!(documents.count(EVENTS, "{}").await.unwrap(), 200);
}

pub(super) async fn an_empty_insert_succeeds(documents: &Documents) {
    assert_eq!(documents.insert(EVENTS, &[]).await.unwrap(), []);
}

pub(super) async fn large_inserts_are_stored_whole(documents: &Documents) {
    let large = |n: usize| json!({"_id": n.to_string(), "s": "x".repeat(900_000)}).to_string();
    let mut list: Vec<_> = (0..12).map(large).collect();
    list.push(large(0));
    let outcomes = documents.insert(EVENTS, &list).await.unwrap();
    assert_eq!(outcomes[..12], [Inserted; 12]);
    assert_eq!(outcomes[12], Duplicate);
    let many: Vec<_> = (0..1_000)
        .map(|n| json!({"_id": format!("many-{n}")}).to_string())
        .collect();
    assert_eq!(
        documents.insert(EVENTS, &many).await.unwrap(),
        vec![Inserted; 1_000]
    );
    assert_eq!(documents.count(EVENTS, "{}").await.unwrap(), 1_012);
}

pub(super) async fn removed_documents_are_gone(documents: &Documents) {
    store(
        documents,
        r#"[{"_id":"a","n":1}, {"_id":"b","n":2}, {"_id":"c","n":3}]"#,
    )
    .await;
    assert_eq!(
        documents
            .remove(EVENTS, r#"{"n":{"$gt":1}}"#)
            .await
            .unwrap(),
        2
    );
    assert_matches(documents, "{}", "a").await;
    assert_eq!(documents.remove(EVENTS, r#"{"_id":"b"}"#).await.unwrap(), 0);
    store(documents, r#"[{"_id":"b"}]"#).await;
    assert_eq!(documents.remove(EVENTS, "{}").await.unwrap(), 2);
    assert_matches(documents, "{}", "").await;
}

pub(super) async fn positions_are_above_what_was_settled_before(documents: &Documents) {
    let position = async |id: &str| {
        let document = find_document(documents, id).await;
        document["at"].as_u64().expect("a position")
    };
    store(
        documents,
        r#"[{"_id":"a","at":{"$position":true}},{"_id":"b"}]"#,
    )
    .await;
    let settled = documents.settled_position().await.unwrap();
    store(documents, r#"[{"_id":"c","at":{"$position":true},"v":1}]"#).await;
    assert!(position("c").await > settled && position("c").await >= position("a").await);
    assert_eq!(find_document(documents, "c").await["v"], 1);
    let without = r#"{"at":null}"#;
    assert_matches(documents, without, "b").await;
    let give = r#"{"$set":{"at":{"$position":true}}}"#;
    assert_eq!(documents.update(EVENTS, without, give).await, Ok(1));
    assert!(position("b").await > settled);
    assert_matches(documents, without, "").await;
}
