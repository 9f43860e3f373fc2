//! Every function of every interface: its name and its arguments, no more.

use crate::bindings::exports::spindle::adapter::{
    dispatch, documents, envelopes, health, passwords, postgres, tokens,
};
use crate::exchange::{call, exchange};

/// The component.
#[derive(Debug)]
pub struct Client;

impl postgres::Guest for Client {
    async fn fetch(
        sql: String,
        params: Vec<postgres::Value>,
    ) -> Result<postgres::ResultSet, postgres::Error> {
        call("postgres/fetch", (sql, params)).await
    }

    async fn execute(sql: String, params: Vec<postgres::Value>) -> Result<u64, postgres::Error> {
        call("postgres/execute", (sql, params)).await
    }

    async fn transact(
        statements: Vec<postgres::Statement>,
        messages: Vec<postgres::Message>,
    ) -> Result<Vec<postgres::Outcome>, postgres::Error> {
        call("postgres/transact", (statements, messages)).await
    }
}

impl documents::Guest for Client {
    async fn insert(
        collection: String,
        documents: Vec<documents::Json>,
    ) -> Result<Vec<documents::InsertOutcome>, documents::Error> {
        call("documents/insert", (collection, documents)).await
    }

    async fn find(
        collection: String,
        query: documents::Query,
    ) -> Result<Vec<documents::Json>, documents::Error> {
        call("documents/find", (collection, query)).await
    }

    async fn count(collection: String, filter: documents::Json) -> Result<u64, documents::Error> {
        call("documents/count", (collection, filter)).await
    }

    async fn count_by(
        collection: String,
        field: String,
        filter: documents::Json,
    ) -> Result<Vec<(documents::Json, u64)>, documents::Error> {
        call("documents/count-by", (collection, field, filter)).await
    }

    async fn count_distinct(
        collection: String,
        field: String,
        filter: documents::Json,
    ) -> Result<u64, documents::Error> {
        call("documents/count-distinct", (collection, field, filter)).await
    }

    async fn update(
        collection: String,
        filter: documents::Json,
        update: documents::Json,
    ) -> Result<u64, documents::Error> {
        call("documents/update", (collection, filter, update)).await
    }

    async fn remove(collection: String, filter: documents::Json) -> Result<u64, documents::Error> {
        call("documents/remove", (collection, filter)).await
    }
}

impl dispatch::Guest for Client {
    async fn call(request: dispatch::Request) -> Result<dispatch::Response, dispatch::Error> {
        call("dispatch/call", (request,)).await
    }
}

impl passwords::Guest for Client {
    async fn hash(password: String) -> Result<String, passwords::Error> {
        call("passwords/hash", (password,)).await
    }

    async fn verify(
        password: String,
        hash: Option<String>,
    ) -> Result<passwords::Verdict, passwords::Error> {
        call("passwords/verify", (password, hash)).await
    }
}

impl tokens::Guest for Client {
    async fn issue(
        subject: String,
        session: Option<String>,
    ) -> Result<tokens::Token, tokens::Error> {
        call("tokens/issue", (subject, session)).await
    }

    async fn end(sessions: Vec<String>) -> Result<(), tokens::Error> {
        call("tokens/end", (sessions,)).await
    }

    async fn verify(token: String) -> Result<tokens::Claims, tokens::Error> {
        call("tokens/verify", (token,)).await
    }

    async fn public_keys() -> Result<String, tokens::Error> {
        call("tokens/public-keys", ()).await
    }
}

impl envelopes::Guest for Client {
    async fn open(
        envelope: String,
        target: envelopes::Target,
    ) -> Result<envelopes::Opened, envelopes::Error> {
        call("envelopes/open", (envelope, target)).await
    }

    async fn seal(
        payload: String,
        audience: String,
        target: envelopes::Target,
        in_reply_to: Option<String>,
    ) -> Result<String, envelopes::Error> {
        call("envelopes/seal", (payload, audience, target, in_reply_to)).await
    }
}

impl health::Guest for Client {
    /// The one function without an error: an adapter that does not answer is a dependency that is
    /// down, and without it the service is of no use.
    async fn dependencies() -> Vec<health::Dependency> {
        exchange("health/dependencies", &())
            .await
            .unwrap_or_else(|_| {
                vec![health::Dependency {
                    name: "adapter".to_owned(),
                    kind: "http".to_owned(),
                    state: health::State::Down,
                    needed: true,
                    latency_microseconds: None,
                    last_answered: None,
                }]
            })
    }
}
