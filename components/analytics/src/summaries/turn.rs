//! Whose turn it is to look for the next slice.
//!
//! A look costs the database as much as storing thousands of events. Every instance of every host has
//! requests that would look, so they take turns: one looks in each interval.

use serde_json::{Value, json};
use service_kit::Collection;
use service_kit::collection::Update;
use service_kit::collection::filter::{Filter, eq, gt, lt};
use service_kit::extended_json;
use time::{Duration, OffsetDateTime};

use super::Result;

const TURNS: Collection<Value> = Collection::new("event_summaries");

const ID: &str = "turn";

/// How often one of all instances looks. At thousands of events a second, a slice takes some hundredths of
/// a second then, so it does not keep the database from storing events.
const INTERVAL: Duration = Duration::seconds(1);

/// Returns whether this caller looks now.
pub(super) async fn take() -> Result<bool> {
    let now = OffsetDateTime::now_utc();
    let taken = Update::set("taken", now);
    if TURNS.update(due(now), taken).await? > 0 {
        return Ok(true);
    }
    if TURNS.find(eq("_id", ID)).fetch_optional().await?.is_some() {
        return Ok(false);
    }
    let first = json!({"_id": ID, "taken": extended_json::date(now)});
    TURNS.insert(&first).await
}

/// Matches the turn if it is over. One in the future is as well: a clock was set back since.
fn due(now: OffsetDateTime) -> Filter {
    let over = lt("taken", now - INTERVAL).or(gt("taken", now + INTERVAL));
    eq("_id", ID).and(over)
}
