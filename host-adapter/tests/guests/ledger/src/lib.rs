//! A service that lists rows of PostgreSQL in pages.

use serde::Serialize;
use service_kit::input::{FromFields, rules};
use service_kit::openapi::Schema;
use service_kit::page::{Item, Page, PageRequest};
use service_kit::routing::{Routes, get};
use service_kit::sql::{FromRow, sql};
use service_kit::{Answer, Failure, OffsetDateTime, Query, Result, Uuid, clock};

service_kit::service!(routes);

#[derive(FromFields)]
struct Search {
    #[rule(rules::text(1, 20))]
    topic: String,
    #[flatten]
    page: PageRequest,
}

#[derive(Serialize, FromRow, Item, Schema)]
struct Entry {
    id: Uuid,
    #[at]
    #[serde(serialize_with = "clock::serialize")]
    made_at: OffsetDateTime,
    text: String,
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
