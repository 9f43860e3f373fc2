//! Rejected calls and their errors.

use adapter_capabilities::documents::{Direction::Ascending, Documents, Error};
use serde_json::json;

use super::shorthand::{EVENTS, assert_matches, expect_invalid, expect_too_large, query, store};

pub(super) async fn collections_outside_the_grant_are_denied(documents: &Documents) {
    let denied = |error: Error| assert!(matches!(error, Error::Denied(_)), "{error:?}");
    for name in [
        "others",
        "pg_class",
        "",
        "Events",
        "events\"",
        "events\0",
        "public.events",
        "événements",
    ] {
        denied(
            documents
                .insert(name, &[r#"{"_id":"a"}"#.to_owned()])
                .await
                .unwrap_err(),
        );
        denied(documents.find(name, &query("{}", &[])).await.unwrap_err());
        denied(documents.count(name, "{}").await.unwrap_err());
        denied(documents.count_by(name, "a", "{}").await.unwrap_err());
        denied(documents.count_distinct(name, "a", "{}").await.unwrap_err());
        denied(
            documents
                .update(name, "{}", r#"{"$set":{"a":1}}"#)
                .await
                .unwrap_err(),
        );
        denied(documents.remove(name, "{}").await.unwrap_err());
    }
}

pub(super) async fn unknown_operators_are_reported_by_name(documents: &Documents) {
    for (filter, operator) in [
        (r#"{"$where":"true"}"#, "$where"),
        (r#"{"a":{"$regex":"^x"}}"#, "$regex"),
        (r#"{"$nor":[{}]}"#, "$nor"),
        (r#"{"a":{"$not":{"$gt":1}}}"#, "$not"),
        (r#"{"$expr":{}}"#, "$expr"),
        (r#"{"a":{"$elemMatch":{}}}"#, "$elemMatch"),
    ] {
        for reason in [
            expect_invalid(documents.find(EVENTS, &query(filter, &[])).await, filter),
            expect_invalid(documents.count(EVENTS, filter).await, filter),
            expect_invalid(documents.count_by(EVENTS, "a", filter).await, filter),
            expect_invalid(documents.count_distinct(EVENTS, "a", filter).await, filter),
            expect_invalid(
                documents
                    .update(EVENTS, filter, r#"{"$set":{"a":1}}"#)
                    .await,
                filter,
            ),
            expect_invalid(documents.remove(EVENTS, filter).await, filter),
        ] {
            assert!(reason.contains(operator), "{reason}");
        }
    }
    let reason = expect_invalid(
        documents.update(EVENTS, "{}", r#"{"$push":{"a":1}}"#).await,
        "$push",
    );
    assert!(reason.contains("$push"), "{reason}");
}

pub(super) async fn hostile_names_are_rejected(documents: &Documents) {
    store(documents, r#"[{"_id":"a","v":1}]"#).await;
    for name in ["$where", "a.$b", "", "a..b", ".a", "a.", "a\0", "a.0", "0"] {
        expect_invalid(
            documents.count(EVENTS, &json!({name: 1}).to_string()).await,
            name,
        );
        expect_invalid(
            documents
                .find(EVENTS, &query("{}", &[(name, Ascending)]))
                .await,
            name,
        );
        expect_invalid(documents.count_by(EVENTS, name, "{}").await, name);
        expect_invalid(documents.count_distinct(EVENTS, name, "{}").await, name);
        for operator in ["$set", "$inc", "$unset"] {
            expect_invalid(
                documents
                    .update(EVENTS, "{}", &json!({operator: {name: 1}}).to_string())
                    .await,
                name,
            );
        }
    }
    for update in [
        r#"{"$set":{"_id":"b"}}"#,
        r#"{"$set":{"_id":"a"}}"#,
        r#"{"$unset":{"_id":1}}"#,
        r#"{"$inc":{"_id":1}}"#,
        r#"{"$set":{"a":1,"a.b":1}}"#,
        r#"{"$set":{"a":1},"$unset":{"a":1}}"#,
        r#"{"v":2}"#,
        "{}",
        "[]",
        "",
    ] {
        expect_invalid(documents.update(EVENTS, "{}", update).await, update);
    }
    assert_matches(documents, r#"{"v":1}"#, "a").await;
}

pub(super) async fn invalid_documents_are_reported_by_position(documents: &Documents) {
    for text in [
        "",
        "[]",
        "{}",
        "{",
        r#"{"_id":1}"#,
        r#"{"_id":""}"#,
        r#"{"_id":"b","$set":1}"#,
        r#"{"_id":"b","o":{"$x":1}}"#,
        r#"{"_id":"b","s":"\u0000"}"#,
        r#"{"_id":"b","\u0000":1}"#,
        r#"{"_id":"b\u0000"}"#,
        r#"{"_id":"b","a":1,"a":2}"#,
        r#"{"_id":"b","n":1e999}"#,
        r#"{"_id":"b","n":NaN}"#,
        r#"{"_id":"b","at":{"$date":"soon"}}"#,
        r#"{"_id":"b","s":"\udc00"}"#,
    ] {
        let list = [r#"{"_id":"a"}"#.to_owned(), text.to_owned()];
        let reason = expect_invalid(documents.insert(EVENTS, &list).await, text);
        assert!(reason.starts_with("document 1: "), "{reason}");
    }
    assert_matches(documents, "{}", "").await;
}

pub(super) async fn inputs_over_the_limits_are_too_large(documents: &Documents) {
    let deep = |levels: usize| {
        format!(
            r#"{{"_id":"deep","v":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    documents.insert(EVENTS, &[deep(64)]).await.unwrap();
    expect_too_large(&documents.insert(EVENTS, &[deep(65)]).await, "65 levels");
    expect_too_large(
        &documents.insert(EVENTS, &[deep(100_000)]).await,
        "100,000 levels",
    );

    let long = |bytes: usize| format!(r#"{{"_id":"long","v":"{}"}}"#, "x".repeat(bytes - 21));
    assert_eq!(long(1024 * 1024).len(), 1024 * 1024);
    documents
        .insert(EVENTS, &[long(1024 * 1024)])
        .await
        .unwrap();
    expect_too_large(
        &documents.insert(EVENTS, &[long(1024 * 1024 + 1)]).await,
        "1 MiB and a byte",
    );

    let many: Vec<_> = (0..1_001)
        .map(|n| json!({"_id": n.to_string()}).to_string())
        .collect();
    expect_too_large(&documents.insert(EVENTS, &many).await, "1,001 documents");

    let filter = format!("{}{{}}{}", r#"{"$or":["#.repeat(40), "]}".repeat(40));
    expect_too_large(&documents.count(EVENTS, &filter).await, "a nested filter");
    let growing = json!({"$set": {"w": "x".repeat(1000)}}).to_string();
    expect_too_large(
        &documents
            .update(EVENTS, r#"{"_id":"long"}"#, &growing)
            .await,
        "a document that grows too far",
    );

    let mut skipping = query("{}", &[]);
    skipping.skip = 10_001;
    expect_invalid(documents.find(EVENTS, &skipping).await, "skip");
    assert_matches(documents, "{}", "deep long").await;
}
