//! Gives positions to events that have none, because an earlier version stored them. They are counted from
//! then on, as if they were new.

use service_kit::collection::filter::{eq, lte};
use service_kit::collection::{self, Update};

use super::Result;
use super::window::POSITION;
use crate::services::EVENTS;

/// Number of events of one step, which takes some tenths of a second.
const STEP: u32 = 1_000;

/// Gives positions to some events, and returns whether there may be more.
pub(super) async fn adopt() -> Result<bool> {
    let without = || eq(POSITION, None::<u64>);
    let Some(first) = id_at(0).await? else {
        return Ok(false);
    };
    let last = id_at(STEP - 1).await?;
    let step = match &last {
        Some(last) => without().and(lte("_id", last)),
        None => without(),
    };
    let adopted = EVENTS
        .update(step, Update::set(POSITION, collection::position()))
        .await?;
    tracing::info!(adopted, first, "counted events of an earlier version");
    Ok(last.is_some())
}

/// Returns the id at index `skip` of the events without a position.
async fn id_at(skip: u32) -> Result<Option<String>> {
    #[derive(serde::Deserialize)]
    struct Event {
        #[serde(rename = "_id")]
        id: String,
    }
    let events = EVENTS.read_as::<Event>();
    let found = events.find(eq(POSITION, None::<u64>)).skip(skip);
    Ok(found.fetch_optional().await?.map(|event| event.id))
}
