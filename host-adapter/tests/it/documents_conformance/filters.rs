//! Filters and the documents that they match.

use adapter_capabilities::documents::Documents;

use super::shorthand::{EVENTS, assert_matches, store};

pub(super) async fn numbers_are_equal_across_types(documents: &Documents) {
    let list = r#"[
        {"_id":"a","n":1}, {"_id":"b","n":1.0}, {"_id":"c","n":-3}, {"_id":"d","n":1e20},
        {"_id":"e","n":9223372036854775807}, {"_id":"f","n":9223372036854775808},
        {"_id":"g","n":1152921504606846976}, {"_id":"h","n":1.152921504606847e18}, {"_id":"i","n":0.1}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"n":1}"#, "a b").await;
    assert_matches(documents, r#"{"n":1.0}"#, "a b").await;
    assert_matches(documents, r#"{"n":-3.0}"#, "c").await;
    assert_matches(documents, r#"{"n":100000000000000000000}"#, "d").await;
    assert_matches(documents, r#"{"n":1152921504606846976}"#, "g h").await;
    assert_matches(
        documents,
        r#"{"n":{"$gte":1.152921504606847e18,"$lt":9e18}}"#,
        "g h",
    )
    .await;
    assert_matches(documents, r#"{"n":0.1}"#, "i").await;
}

pub(super) async fn values_of_different_types_are_never_equal(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":1}, {"_id":"b","v":"1"}, {"_id":"c","v":true}, {"_id":"d","v":"true"},
        {"_id":"e","v":{"$date":"2026-01-01T00:00:00Z"}}, {"_id":"f","v":"2026-01-01T00:00:00.000Z"},
        {"_id":"g","v":""}, {"_id":"h","v":{"x":1}}, {"_id":"i","v":0}, {"_id":"j","v":false}
    ]"#;
    store(documents, list).await;
    for (value, id) in [
        ("1", "a"),
        ("\"1\"", "b"),
        ("true", "c"),
        ("\"true\"", "d"),
        ("0", "i"),
        ("false", "j"),
        ("\"\"", "g"),
        (r#"{"$date":"2026-01-01T00:00:00Z"}"#, "e"),
        ("\"2026-01-01T00:00:00.000Z\"", "f"),
        ("\"A\"", ""),
    ] {
        assert_matches(documents, &format!(r#"{{"v":{value}}}"#), id).await;
        assert_matches(documents, &format!(r#"{{"v":{{"$eq":{value}}}}}"#), id).await;
    }
}

pub(super) async fn an_array_matches_by_any_of_its_elements(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":[1,"x",null]}, {"_id":"b","v":[[1]]}, {"_id":"c","v":[]}, {"_id":"d","v":[2,10]},
        {"_id":"e","v":{"1":1}}, {"_id":"f","v":[{"$date":"2026-01-01T00:00:00Z"}]}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v":1}"#, "a").await;
    assert_matches(documents, r#"{"v":"x"}"#, "a").await;
    assert_matches(documents, r#"{"v":{"$in":["x",2]}}"#, "a d").await;
    assert_matches(documents, r#"{"v":{"$gt":1}}"#, "d").await;
    // A different element satisfies each bound.
    assert_matches(documents, r#"{"v":{"$gt":5,"$lt":5}}"#, "d").await;
    assert_matches(documents, r#"{"v":{"$date":"2026-01-01T00:00:00Z"}}"#, "f").await;
    assert_matches(
        documents,
        r#"{"v":{"$gte":{"$date":"2025-01-01T00:00:00Z"}}}"#,
        "f",
    )
    .await;
}

pub(super) async fn a_path_crosses_arrays_of_objects(documents: &Documents) {
    let list = r#"[
        {"_id":"a","p":{"q":1}}, {"_id":"b","p":[{"q":1},{"q":2}]}, {"_id":"c","p":{"q":[1]}},
        {"_id":"d","p":[{"q":[3,1]}]}, {"_id":"f","p":{"q":[[1]]}},
        {"_id":"g","p.q":1}, {"_id":"h","p":[1,{"r":1}]}, {"_id":"i","q":1}, {"_id":"j","p":{"q":{"q":1}}}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"p.q":1}"#, "a b c d").await;
    assert_matches(documents, r#"{"p.q":{"$gt":1}}"#, "b d").await;
    assert_matches(documents, r#"{"p.q.q":1}"#, "j").await;
    assert_matches(documents, r#"{"p.q":{"$exists":true}}"#, "a b c d f j").await;
    assert_matches(documents, r#"{"p":1}"#, "h").await;
}

pub(super) async fn ne_negates_eq(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":1}, {"_id":"b","v":2}, {"_id":"c","v":"1"}, {"_id":"d"}, {"_id":"e","v":null},
        {"_id":"f","v":[1,2]}, {"_id":"g","v":{"x":1}}, {"_id":"h","v":[]}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v":{"$ne":1}}"#, "b c d e g h").await;
    assert_matches(documents, r#"{"v":{"$ne":null}}"#, "a b c f g h").await;
    assert_matches(
        documents,
        r#"{"v":{"$ne":{"$date":"2026-01-01T00:00:00Z"}}}"#,
        "a b c d e f g h",
    )
    .await;
    assert_matches(
        documents,
        r#"{"v":{"$ne":1,"$exists":true},"_id":{"$ne":"b"}}"#,
        "c e g h",
    )
    .await;
}

pub(super) async fn in_matches_any_of_its_values(documents: &Documents) {
    let list = r#"[{"_id":"a","v":1}, {"_id":"b","v":"x"}, {"_id":"c"}, {"_id":"d","v":true}, {"_id":"e","v":null}]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v":{"$in":[1,"x",7]}}"#, "a b").await;
    assert_matches(documents, r#"{"v":{"$in":[null,true]}}"#, "c d e").await;
    assert_matches(documents, r#"{"v":{"$in":[]}}"#, "").await;
    assert_matches(documents, r#"{"$or":[{"v":{"$in":[]}},{"v":1}]}"#, "a").await;
    assert_matches(documents, r#"{"_id":{"$in":["a","e",5,null,"z"]}}"#, "a e").await;
}

pub(super) async fn ranges_match_only_values_of_the_same_type(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":1}, {"_id":"b","v":2.5}, {"_id":"c","v":"B"}, {"_id":"d","v":"a"}, {"_id":"e","v":"é"},
        {"_id":"f","v":false}, {"_id":"g","v":true}, {"_id":"h","v":null}, {"_id":"i"}, {"_id":"j","v":{"x":3}},
        {"_id":"k","v":-7}, {"_id":"l","v":"𐍈"}, {"_id":"m","v":"ﬀ"}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v":{"$gt":1}}"#, "b").await;
    assert_matches(documents, r#"{"v":{"$gte":1}}"#, "a b").await;
    assert_matches(documents, r#"{"v":{"$lt":1.5}}"#, "a k").await;
    assert_matches(documents, r#"{"v":{"$lte":-7}}"#, "k").await;
    // Text is compared by bytes, regardless of the store's collation.
    assert_matches(documents, r#"{"v":{"$gt":"B"}}"#, "d e l m").await;
    assert_matches(documents, r#"{"v":{"$lt":"a"}}"#, "c").await;
    assert_matches(documents, r#"{"v":{"$gt":false}}"#, "g").await;
    assert_matches(documents, r#"{"v":{"$lte":true}}"#, "f g").await;
}

pub(super) async fn dates_are_compared_as_points_in_time(documents: &Documents) {
    let list = r#"[
        {"_id":"a","at":{"$date":"2026-01-01T00:00:00Z"}}, {"_id":"b","at":{"$date":"2026-01-01T00:30:00+01:00"}},
        {"_id":"c","at":{"$date":"2026-01-01T00:00:00.001Z"}}, {"_id":"d","at":"2026-06-01T00:00:00.000Z"},
        {"_id":"e","at":{"$date":"1969-12-31T23:59:59.5Z"}}, {"_id":"f","at":1767225600000}, {"_id":"g"},
        {"_id":"h","o":{"at":{"$date":"2026-01-01T00:00:00Z"}}}
    ]"#;
    store(documents, list).await;
    assert_matches(
        documents,
        r#"{"at":{"$date":"2026-01-01T01:00:00+01:00"}}"#,
        "a",
    )
    .await;
    assert_matches(
        documents,
        r#"{"at":{"$lt":{"$date":"2026-01-01T00:00:00Z"}}}"#,
        "b e",
    )
    .await;
    assert_matches(documents, r#"{"at":{"$gt":{"$date":"2025-12-31T23:30:00Z"},"$lte":{"$date":"2026-01-01T00:00:00.001Z"}}}"#, "a c").await;
    assert_matches(
        documents,
        r#"{"o.at":{"$in":[{"$date":"2026-01-01T00:00:00Z"}]}}"#,
        "h",
    )
    .await;
    assert_matches(documents, r#"{"at.year":{"$exists":true}}"#, "").await;
}

pub(super) async fn conditions_combine(documents: &Documents) {
    let list = r#"[
        {"_id":"a","t":"x","n":1}, {"_id":"b","t":"x","n":2}, {"_id":"c","t":"y","n":3}, {"_id":"d","t":"z","n":4,"o":{"k":1}}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, "{}", "a b c d").await;
    assert_matches(documents, r#"{"$and":[{},{}]}"#, "a b c d").await;
    assert_matches(documents, r#"{"t":"x","n":{"$gt":1}}"#, "b").await;
    assert_matches(documents, r#"{"$or":[{"t":"y"},{"t":"x","n":1}]}"#, "a c").await;
    assert_matches(documents, r#"{"$or":[{"t":"y"},{}]}"#, "a b c d").await;
    assert_matches(
        documents,
        r#"{"$or":[{"t":"y","$and":[{}]},{"n":4}],"o":{"$exists":true}}"#,
        "d",
    )
    .await;
    assert_matches(
        documents,
        r#"{"$and":[{"$or":[{"n":1},{"n":4}]},{"$or":[{"t":"z"},{"t":"y"}]}]}"#,
        "d",
    )
    .await;
    assert_matches(documents, r#"{"$or":[{"_id":"a"},{"n":3}]}"#, "a c").await;
    assert_matches(documents, r#"{"t":"x","$and":[{"t":"y"}]}"#, "").await;
}

pub(super) async fn ids_are_compared_as_text(documents: &Documents) {
    store(
        documents,
        r#"[{"_id":"B"}, {"_id":"a"}, {"_id":"b"}, {"_id":"é"}, {"_id":"10"}, {"_id":"9"}]"#,
    )
    .await;
    assert_matches(documents, r#"{"_id":"a"}"#, "a").await;
    assert_matches(documents, r#"{"_id":{"$gt":"a"}}"#, "b é").await;
    assert_matches(documents, r#"{"_id":{"$gte":"10","$lt":"a"}}"#, "10 9 B").await;
    assert_matches(documents, r#"{"_id":9}"#, "").await;
    assert_matches(documents, r#"{"_id":{"$ne":"a"}}"#, "10 9 B b é").await;
    assert_matches(documents, r#"{"_id":null}"#, "").await;
    assert_matches(documents, r#"{"_id":"a","$and":[{"_id":"b"}]}"#, "").await;
}

pub(super) async fn any_text_works_as_field_name_and_value(documents: &Documents) {
    let texts = [
        "a\"b",
        "\\",
        "'; drop table events; --",
        "\" || 1 == 1 || \"",
        "@",
        "*",
        "a b",
        "\n\t\u{1}\u{7f}",
        "\u{2028}",
        "é𐍈",
        "strict",
        "{x}",
        "\\u0041",
        "%s$1",
        "a-1",
        "-1",
        "1e3",
        "x".repeat(200).as_str(),
    ]
    .map(str::to_owned);
    for (index, text) in texts.iter().enumerate() {
        let document = serde_json::json!({"_id": format!("{index:02}"), text.as_str(): text, "other": {text.as_str(): [text]}});
        documents
            .insert(EVENTS, &[document.to_string()])
            .await
            .unwrap();
    }
    for (index, text) in texts.iter().enumerate() {
        let id = format!("{index:02}");
        let inner = format!("other.{text}");
        for test in [
            serde_json::json!(text),
            serde_json::json!({"$gte": text}),
            serde_json::json!({"$exists": true}),
        ] {
            assert_matches(
                documents,
                &serde_json::json!({text.as_str(): test}).to_string(),
                &id,
            )
            .await;
            assert_matches(
                documents,
                &serde_json::json!({inner.as_str(): test}).to_string(),
                &id,
            )
            .await;
        }
        let filter = serde_json::json!({"_id": id}).to_string();
        let counts = documents.count_by(EVENTS, text, &filter).await.unwrap();
        assert_eq!(counts, [(serde_json::json!(text).to_string(), 1)]);
    }
}

pub(super) async fn in_accepts_a_thousand_values(documents: &Documents) {
    store(
        documents,
        r#"[{"_id":"a","n":999}, {"_id":"b","n":1000}, {"_id":"c","n":"x"}]"#,
    )
    .await;
    let values: Vec<usize> = (0..1_000).collect();
    assert_matches(
        documents,
        &serde_json::json!({"n": {"$in": values}}).to_string(),
        "a",
    )
    .await;
    let ids: Vec<String> = (0..999)
        .map(|n| format!("{n:0>256}"))
        .chain(["c".to_owned()])
        .collect();
    assert_matches(
        documents,
        &serde_json::json!({"_id": {"$in": ids}}).to_string(),
        "c",
    )
    .await;
    let path = vec!["deep"; 51].join(".");
    assert_matches(
        documents,
        &serde_json::json!({path: {"$in": [1, null]}}).to_string(),
        "a b c",
    )
    .await;
}
