//! Null and missing fields.

use adapter_capabilities::documents::Documents;

use super::shorthand::{assert_matches, store};

pub(super) async fn null_equals_missing(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":null}, {"_id":"b"}, {"_id":"c","v":0}, {"_id":"d","v":""}, {"_id":"e","v":[]},
        {"_id":"f","v":[null]}, {"_id":"g","v":{}}, {"_id":"i","v":false},
        {"_id":"j","v":{"$date":"2026-01-01T00:00:00Z"}}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v":null}"#, "a b f").await;
    assert_matches(documents, r#"{"v":{"$in":[null]}}"#, "a b f").await;
    assert_matches(documents, r#"{"v":{"$ne":null}}"#, "c d e g i j").await;
    assert_matches(documents, r#"{"v":null,"_id":{"$gt":"a"}}"#, "b f").await;
}

pub(super) async fn null_matches_along_every_path(documents: &Documents) {
    let list = r#"[
        {"_id":"a"}, {"_id":"b","p":null}, {"_id":"c","p":5}, {"_id":"d","p":{}}, {"_id":"e","p":{"q":null}},
        {"_id":"f","p":{"q":1}}, {"_id":"g","p":[]}, {"_id":"i","p":[{}]},
        {"_id":"j","p":[{"q":1},{"r":2}]}, {"_id":"k","p":[{"q":1}]}, {"_id":"l","p":[{"q":[null]}]},
        {"_id":"m","p":{"$date":"2026-01-01T00:00:00Z"}}, {"_id":"p","p":"x"}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"p.q":null}"#, "a b c d e i j l m p").await;
    assert_matches(documents, r#"{"p.q":{"$ne":null}}"#, "f g k").await;
    assert_matches(
        documents,
        r#"{"p.q.r":null,"p":{"$exists":true},"_id":{"$ne":"l"}}"#,
        "b c d e f i j k m p",
    )
    .await;
}

pub(super) async fn exists_distinguishes_null_from_missing(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":null}, {"_id":"b"}, {"_id":"c","v":1}, {"_id":"d","v":[]}, {"_id":"e","v":{"w":null}},
        {"_id":"f","v":[{"w":1},{}]}
    ]"#;
    store(documents, list).await;
    assert_matches(documents, r#"{"v":{"$exists":true}}"#, "a c d e f").await;
    assert_matches(documents, r#"{"v":{"$exists":false}}"#, "b").await;
    assert_matches(documents, r#"{"v.w":{"$exists":true}}"#, "e f").await;
    assert_matches(documents, r#"{"_id":{"$exists":true}}"#, "a b c d e f").await;
}
