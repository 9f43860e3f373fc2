//! Asks the adapter for what belongs to others.

use service_kit::adapter::{
    dispatch, documents, envelopes, passwords, postgres, subject_documents, subject_queries, tokens,
};

pub(crate) async fn reach(kind: &str, name: &str, text: String) -> String {
    let collection = name.to_owned();
    let all = || "{}".to_owned();
    match kind {
        "sql" => format!("{:?}", postgres::fetch(text, vec![]).await),
        "transact" => format!("{:?}", transact(&text, vec![]).await),
        "message" => format!("{:?}", transact("", vec![message(name, text)]).await),
        "find" => format!("{:?}", documents::find(collection, query(text)).await),
        "count" => format!("{:?}", documents::count(collection, text).await),
        "remove" => format!("{:?}", documents::remove(collection, text).await),
        "insert" => format!("{:?}", documents::insert(collection, vec![text]).await),
        "update" => format!("{:?}", documents::update(collection, all(), text).await),
        "call" => format!("{:?}", dispatch::call(request(name, text)).await),
        "hash" => format!("{:?}", passwords::hash(text, None).await),
        "issue" => format!("{:?}", tokens::issue(text, None).await),
        "end" => format!("{:?}", tokens::end(vec![text]).await),
        "verify" => format!("{:?}", tokens::verify(text).await),
        "subject" => format!(
            "{:?}",
            subject_queries::fetch(collection, text, vec![]).await
        ),
        "store" => {
            let (collection, document) = text.split_once(' ').unwrap_or_default();
            let (collection, documents) = (collection.to_owned(), vec![document.to_owned()]);
            let token = name.to_owned();
            let stored = subject_documents::insert(token, collection, documents).await;
            format!("{stored:?}")
        }
        "open" => format!("{:?}", envelopes::open(text, target()).await),
        "seal" => {
            let sealed = envelopes::seal(all(), text, target(), None).await;
            format!("{sealed:?}")
        }
        _ => format!("`{kind}` is not an attempt"),
    }
}

async fn transact(
    statements: &str,
    messages: Vec<postgres::Message>,
) -> Result<Vec<postgres::Outcome>, postgres::Error> {
    let statement = |sql: &str| postgres::Statement {
        sql: sql.to_owned(),
        params: vec![],
        expected_rows: None,
    };
    postgres::transact(statements.lines().map(statement).collect(), messages).await
}

fn message(peer: &str, path: String) -> postgres::Message {
    postgres::Message {
        peer: peer.to_owned(),
        path,
        body: "{}".to_owned(),
        idempotency_key: "k".to_owned(),
        key: None,
    }
}

fn query(filter: String) -> documents::Query {
    documents::Query {
        filter,
        sort: vec![],
        skip: 0,
        limit: 0,
    }
}

fn request(peer: &str, path: String) -> dispatch::Request {
    dispatch::Request {
        peer: peer.to_owned(),
        method: "GET".to_owned(),
        path,
        body: None,
        sealed: false,
        idempotency_key: None,
        request_id: None,
        deadline_milliseconds: None,
    }
}

fn target() -> envelopes::Target {
    envelopes::Target {
        method: "GET".to_owned(),
        path: "/".to_owned(),
    }
}
