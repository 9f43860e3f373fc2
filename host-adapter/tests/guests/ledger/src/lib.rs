//! A service that lists rows of PostgreSQL in pages.

use serde::Serialize;
use service_kit::input::{FromFields, rules};
use service_kit::page::{Cursor, Item, Page, PageRequest};
use service_kit::routing::{Routes, get};
use service_kit::sql::{FromRow, sql};
use service_kit::{Answer, Failure, Query, Result, Service, clock};
use spin_sdk::http::{IntoResponse, Request};
use time::OffsetDateTime;
use uuid::Uuid;

static SERVICE: Service = Service {
    name: "ledger",
    version: env!("CARGO_PKG_VERSION"),
    routes,
};

#[derive(FromFields)]
struct Search {
    #[rule(rules::text(1, 20))]
    topic: String,
    #[flatten]
    page: PageRequest,
}

#[derive(Serialize, FromRow)]
struct Entry {
    id: Uuid,
    #[serde(serialize_with = "clock::serialize")]
    made_at: OffsetDateTime,
    text: String,
}

impl Item for Entry {
    fn cursor(&self) -> Cursor {
        let (at, id) = (self.made_at, self.id);
        Cursor { at, id }
    }
}

fn routes(routes: Routes) -> Routes {
    routes.public("/api/v1/entries", get(list_entries))
}

async fn list_entries(Query(search): Query<Search>) -> Result<Answer<Page<Entry>>> {
    let page = sql("select id, made_at, text from entries where topic = $1")
        .bind(search.topic)
        .fetch_page("made_at", &search.page)
        .await
        .map_err(Failure::from)?;
    Ok(Answer::ok("Entries", page))
}

/// Answers one request.
#[spin_sdk::http_service]
async fn handle(request: Request) -> impl IntoResponse {
    service_kit::serve(&SERVICE, request).await
}
