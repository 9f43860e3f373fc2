//! The content, order and size of results.

use adapter_capabilities::documents::{
    Direction::{Ascending, Descending},
    Documents,
};
use serde_json::json;

use super::shorthand::{EVENTS, expect_too_large, find_document, parse, query, sorted_ids, store};

pub(super) async fn documents_are_returned_whole(documents: &Documents) {
    let given = r#"{"_id":"a","i":-9223372036854775808,"big":9223372036854775807,"d":1.5,"one":1.0,"tiny":5e-324,
        "huge":1.7976931348623157e308,"s":"é𐍈\"\\\n","t":true,"n":null,"a":[1,[2,{"x":[]}],{}],"o":{"":{"a.b":0}},
        "third":0.1,"exact":0.30000000000000004}"#;
    store(documents, &format!("[{given}]")).await;
    assert_eq!(find_document(documents, "a").await, parse(given));
    for (id, given, returned) in [
        (
            "b",
            "2026-01-31T13:00:00.5+01:00",
            "2026-01-31T12:00:00.500Z",
        ),
        ("c", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
    ] {
        store(
            documents,
            &json!([{"_id": id, "at": [{"$date": given}]}]).to_string(),
        )
        .await;
        assert_eq!(
            find_document(documents, id).await,
            json!({"_id": id, "at": [{"$date": returned}]})
        );
    }
}

pub(super) async fn order_is_by_type_then_value(documents: &Documents) {
    let list = r#"[
        {"_id":"01","v":null}, {"_id":"02"}, {"_id":"03","v":-1.5}, {"_id":"04","v":2}, {"_id":"05","v":10},
        {"_id":"06","v":"10"}, {"_id":"07","v":"B"}, {"_id":"08","v":"a"}, {"_id":"09","v":"é"}, {"_id":"10","v":{"x":1}},
        {"_id":"11","v":false}, {"_id":"12","v":true}, {"_id":"13","v":{"$date":"1969-01-01T00:00:00Z"}},
        {"_id":"14","v":{"$date":"2026-01-01T00:00:00Z"}}
    ]"#;
    store(documents, list).await;
    let up = "01 02 03 04 05 06 07 08 09 10 11 12 13 14";
    let down = "14 13 12 11 10 09 08 07 06 05 04 03 01 02";
    assert_eq!(sorted_ids(documents, "{}", &[("v", Ascending)]).await, up);
    assert_eq!(
        sorted_ids(documents, "{}", &[("v", Descending)]).await,
        down
    );
    assert_eq!(
        sorted_ids(documents, "{}", &[("v", Ascending), ("_id", Descending)]).await,
        up.replace("01 02", "02 01")
    );
}

pub(super) async fn arrays_sort_by_smallest_or_largest_element(documents: &Documents) {
    let list = r#"[
        {"_id":"a","v":[5,1]}, {"_id":"b","v":2}, {"_id":"c","v":[3,4]}, {"_id":"d","v":["x",0]}, {"_id":"e","v":4.5}
    ]"#;
    store(documents, list).await;
    assert_eq!(
        sorted_ids(documents, "{}", &[("v", Ascending)]).await,
        "d a b c e"
    );
    assert_eq!(
        sorted_ids(documents, "{}", &[("v", Descending)]).await,
        "d a e c b"
    );
}

pub(super) async fn ties_are_ordered_by_id(documents: &Documents) {
    let list = r#"[
        {"_id":"d","k":1,"o":{"n":2}}, {"_id":"c","k":1,"o":{"n":1}}, {"_id":"b","k":2,"o":{"n":1}}, {"_id":"a","k":1,"o":{"n":2}}
    ]"#;
    store(documents, list).await;
    assert_eq!(sorted_ids(documents, "{}", &[]).await, "a b c d");
    assert_eq!(
        sorted_ids(documents, "{}", &[("_id", Descending)]).await,
        "d c b a"
    );
    assert_eq!(
        sorted_ids(documents, "{}", &[("k", Descending)]).await,
        "b a c d"
    );
    assert_eq!(
        sorted_ids(documents, "{}", &[("o.n", Ascending), ("k", Descending)]).await,
        "b c a d"
    );
    assert_eq!(
        sorted_ids(
            documents,
            r#"{"k":1}"#,
            &[("o.n", Descending), ("_id", Descending)]
        )
        .await,
        "d a c"
    );
}

pub(super) async fn skip_and_limit_select_a_page(documents: &Documents) {
    let list: Vec<_> = (0..10)
        .map(|n| json!({"_id": n.to_string(), "n": 9 - n}))
        .collect();
    store(documents, &json!(list).to_string()).await;
    for (skip, limit, expected) in [
        (0, 3, "9 8 7"),
        (3, 3, "6 5 4"),
        (8, 5, "1 0"),
        (10, 1, ""),
        (10_000, 0, ""),
    ] {
        let mut query = query("{}", &[("n", Ascending)]);
        (query.skip, query.limit) = (skip, limit);
        let found = documents.find(EVENTS, &query).await.unwrap();
        let ids: Vec<_> = found
            .iter()
            .map(|text| parse(text)["_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.join(" "), expected);
    }
}

pub(super) async fn results_have_at_most_1000_entries(documents: &Documents) {
    let list = |from: usize| {
        (from..from + 600)
            .map(|n| json!({"_id": n.to_string(), "n": n}))
            .collect::<Vec<_>>()
    };
    store(documents, &json!(list(0)).to_string()).await;
    store(documents, &json!(list(600)).to_string()).await;
    for limit in [0, 1_000, u32::MAX] {
        let mut query = query("{}", &[]);
        query.limit = limit;
        assert_eq!(documents.find(EVENTS, &query).await.unwrap().len(), 1_000);
    }
    assert_eq!(
        documents.count_by(EVENTS, "n", "{}").await.unwrap().len(),
        1_000
    );
    assert_eq!(documents.count(EVENTS, "{}").await.unwrap(), 1_200);
    assert_eq!(
        documents.count_distinct(EVENTS, "n", "{}").await.unwrap(),
        1_200
    );
}

pub(super) async fn a_result_above_the_byte_limit_is_too_large(documents: &Documents) {
    for n in 0..5 {
        let text = json!({"_id": n.to_string(), "s": "x".repeat(1_000_000)}).to_string();
        documents.insert(EVENTS, &[text]).await.unwrap();
    }
    expect_too_large(
        &documents.find(EVENTS, &query("{}", &[])).await,
        "five of a megabyte",
    );
    let four = documents
        .find(EVENTS, &query(r#"{"_id":{"$lt":"4"}}"#, &[]))
        .await
        .unwrap();
    assert_eq!(four.len(), 4);
}

pub(super) async fn counts_are_ordered_by_frequency(documents: &Documents) {
    let list = r#"[
        {"_id":"1","t":"b"}, {"_id":"2","t":"b"}, {"_id":"3","t":"a"}, {"_id":"4"}, {"_id":"5","t":null}, {"_id":"6","t":null},
        {"_id":"7","t":2}, {"_id":"8","t":10}, {"_id":"9","t":{"$date":"2026-01-01T00:00:00Z"}}, {"_id":"x","t":true,"o":{"k":"v"}}
    ]"#;
    store(documents, list).await;
    let counts = documents.count_by(EVENTS, "t", "{}").await.unwrap();
    let counts: Vec<_> = counts
        .into_iter()
        .map(|(value, count)| (parse(&value), count))
        .collect();
    let date = json!({"$date": "2026-01-01T00:00:00.000Z"});
    assert_eq!(
        counts,
        [
            (json!(null), 3),
            (json!("b"), 2),
            (json!(2), 1),
            (json!(10), 1),
            (json!("a"), 1),
            (json!(true), 1),
            (date, 1)
        ]
    );
    let counts = documents
        .count_by(EVENTS, "o.k", r#"{"_id":{"$in":["1","x"]}}"#)
        .await
        .unwrap();
    assert_eq!(counts, [("null".to_owned(), 1), ("\"v\"".to_owned(), 1)]);
    assert_eq!(
        documents
            .count_by(EVENTS, "t", r#"{"t":"none"}"#)
            .await
            .unwrap(),
        []
    );
}

pub(super) async fn distinct_count_ignores_null(documents: &Documents) {
    let list = r#"[
        {"_id":"1","u":"x"}, {"_id":"2","u":"x"}, {"_id":"3","u":"X"}, {"_id":"4"}, {"_id":"5","u":null}, {"_id":"6","u":1}, {"_id":"7","u":1.0}
    ]"#;
    store(documents, list).await;
    assert_eq!(
        documents.count_distinct(EVENTS, "u", "{}").await.unwrap(),
        3
    );
    assert_eq!(
        documents
            .count_distinct(EVENTS, "u", r#"{"u":null}"#)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        documents
            .count_distinct(EVENTS, "none.of", "{}")
            .await
            .unwrap(),
        0
    );
}
