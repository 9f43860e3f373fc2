//! Calls functions of the adapter.

use service_kit::adapter::{
    dispatch, documents, envelopes, passwords, postgres, subject_documents, subject_queries, tokens,
};

/// Runs a statement that takes this many seconds, and returns how it ended.
pub(crate) async fn sleep(seconds: u32) -> String {
    let statement = format!("select true from pg_sleep({seconds})");
    format!("{:?}", postgres::fetch(statement, vec![]).await)
}

/// Calls the function `what` of a capability, and returns `denied` if the call was denied.
pub(crate) async fn call(what: &str) -> String {
    let text = || "x".to_owned();
    let denied = match what {
        "postgres" => matches!(
            postgres::fetch("select 1".to_owned(), vec![]).await,
            Err(postgres::Error::Denied(_))
        ),
        "documents" => {
            matches!(
                documents::count("events".to_owned(), "{}".to_owned()).await,
                Err(documents::Error::Denied(_))
            )
        }
        "dispatch" => {
            let request = dispatch::Request {
                peer: "user".to_owned(),
                method: "GET".to_owned(),
                path: "/".to_owned(),
                body: None,
                sealed: false,
                idempotency_key: None,
                request_id: None,
                deadline_milliseconds: None,
            };
            matches!(
                dispatch::call(request).await,
                Err(dispatch::Error::Denied(_))
            )
        }
        "passwords" => matches!(
            passwords::hash(text(), None).await,
            Err(passwords::Error::Denied(_))
        ),
        "tokens.issue" => matches!(
            tokens::issue(text(), None).await,
            Err(tokens::Error::Denied(_))
        ),
        "tokens.end" => matches!(
            tokens::end(vec![text()]).await,
            Err(tokens::Error::Denied(_))
        ),
        "tokens.verify" => matches!(tokens::verify(text()).await, Err(tokens::Error::Denied(_))),
        "subject-queries" => {
            let found = subject_queries::fetch(text(), "select 1".to_owned(), vec![]).await;
            let error = found.err();
            matches!(
                error,
                Some(subject_queries::Error::Token(tokens::Error::Denied(_)))
            )
        }
        "subject-documents" => {
            let stored = subject_documents::insert(text(), "events".to_owned(), vec![]).await;
            let error = stored.err();
            matches!(
                error,
                Some(subject_documents::Error::Token(tokens::Error::Denied(_)))
            )
        }
        "envelopes" => {
            let target = envelopes::Target {
                method: "GET".to_owned(),
                path: "/".to_owned(),
            };
            matches!(
                envelopes::open(text(), target).await,
                Err(envelopes::Error::Denied(_))
            )
        }
        _ => return format!("`{what}` is not a capability"),
    };
    if denied {
        "denied".to_owned()
    } else {
        "something else".to_owned()
    }
}
