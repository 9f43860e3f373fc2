//! Edge cases that the stand-in for MongoDB gets wrong. If a later version of the stand-in passes
//! one of them, move that case to the other files.

use adapter_capabilities::documents::{
    Direction::{Ascending, Descending},
    Documents,
};
use serde_json::json;

use super::shorthand::{EVENTS, assert_matches, find_document, sorted_ids, store};

pub(super) async fn integers_beyond_double_precision_are_distinct(documents: &Documents) {
    let list = r#"[{"_id":"a","n":9223372036854775807}, {"_id":"b","n":9223372036854775808}]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"n":9223372036854775807}"#, "a").await;
    assert_matches(documents, r#"{"n":9223372036854775808}"#, "b").await;
    assert_matches(documents, r#"{"n":{"$gt":9223372036854775807}}"#, "b").await;
    assert_matches(documents, r#"{"n":{"$lt":1e19}}"#, "a b").await;
}

pub(super) async fn text_beyond_the_bmp_is_ordered_by_bytes(documents: &Documents) {
    store(documents, r#"[{"_id":"a","v":"𐍈"}, {"_id":"b","v":"ﬀ"}]"#).await;
    assert_matches(documents, r#"{"v":{"$gt":"ﬀ"}}"#, "a").await;
    assert_eq!(
        sorted_ids(documents, "{}", &[("v", Ascending)]).await,
        "b a"
    );
    assert_eq!(
        sorted_ids(documents, "{}", &[("v", Descending)]).await,
        "a b"
    );
}

pub(super) async fn a_path_does_not_cross_nested_arrays(documents: &Documents) {
    store(
        documents,
        r#"[{"_id":"a","p":[[{"q":1}]]}, {"_id":"b","p":[{"q":1}]}]"#,
    )
    .await;
    assert_matches(documents, r#"{"p.q":1}"#, "b").await;
}

pub(super) async fn null_does_not_match_inside_nested_arrays(documents: &Documents) {
    store(
        documents,
        r#"[{"_id":"a","v":[[null]]}, {"_id":"b","v":[null]}]"#,
    )
    .await;
    assert_matches(documents, r#"{"v":null}"#, "b").await;
    assert_matches(documents, r#"{"v":{"$in":[null]}}"#, "b").await;
    assert_matches(documents, r#"{"v":{"$ne":null}}"#, "a").await;
}

pub(super) async fn null_does_not_match_in_arrays_without_objects(documents: &Documents) {
    let list = r#"[
        {"_id":"a","p":[5]}, {"_id":"b","p":[{"$date":"2026-01-01T00:00:00Z"}]}, {"_id":"c","p":[[{}]]}, {"_id":"d","p":5},
        {"_id":"e","p":[{"q":[null]}]}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"p.q":null}"#, "d e").await;
    assert_matches(documents, r#"{"p.q.r":null}"#, "d").await;
    assert_matches(documents, r#"{"p.q":{"$ne":null}}"#, "a b c").await;
}

pub(super) async fn exists_false_matches_only_without_any_such_element(documents: &Documents) {
    let list =
        r#"[{"_id":"a","v":1}, {"_id":"b","v":[]}, {"_id":"c","v":[{"w":1},{}]}, {"_id":"d"}]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v.w":{"$exists":false}}"#, "a b d").await;
}

pub(super) async fn unset_does_not_cross_arrays(documents: &Documents) {
    let given = json!({"_id": "a", "l": [{"k": 1}]});
    store(documents, &json!([given]).to_string()).await;
    let update = r#"{"$unset":{"l.k":1}}"#;
    assert_eq!(documents.update(EVENTS, "{}", update).await.unwrap(), 1);
    assert_eq!(find_document(documents, "a").await, given);
}

pub(super) async fn arrays_are_counted_as_whole_values(documents: &Documents) {
    let list = r#"[
        {"_id":"1","v":[1,2]}, {"_id":"2","v":[1,2.0]}, {"_id":"3","v":[2,1]}, {"_id":"4","v":1}, {"_id":"5","v":[{"w":1}]}
    ]"#;
    store(documents, list).await;
    let counts = documents.count_by(EVENTS, "v", "{}").await.unwrap();
    assert_eq!(
        counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        [2, 1, 1, 1]
    );
    assert_eq!(
        documents.count_distinct(EVENTS, "v", "{}").await.unwrap(),
        4
    );
    assert_eq!(
        documents.count_by(EVENTS, "v.w", "{}").await.unwrap(),
        [("null".to_owned(), 5)]
    );
}
