//! Stores summaries, and changes them by conditional updates.

use serde::Serialize;
use serde_json::json;
use service_kit::Failure;
use service_kit::collection::filter::{Filter, eq};
use service_kit::collection::{Collection, Update};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Result;
use super::summary::{Plan, Summary, Taken};

/// The summary in use. An earlier version kept another one, by times, as `summary`.
pub(super) const SUMMARY: &str = "totals";

/// The summary that will replace it.
pub(super) const REBUILD: &str = "rebuilt_totals";

/// The summary of the events that were removed.
pub(super) const REMOVED: &str = "removed_totals";

const SUMMARIES: Collection<Summary> = Collection::new("event_summaries");

#[derive(Serialize)]
struct Document<'a> {
    _id: &'a str,
    #[serde(flatten)]
    summary: Summary,
}

/// Returns a summary, or `None` if it does not exist yet.
pub(super) async fn read(id: &str) -> Result<Option<Summary>> {
    SUMMARIES.find(eq("_id", id)).fetch_optional().await
}

/// Returns whether everything that was read with this summary belongs together. It does not if a rebuild has replaced
/// the summary, because its days and users are removed then, or if events that it does not have were removed.
pub(super) async fn still_holds(summary: &Summary) -> Result<bool> {
    let latest = read(SUMMARY).await?.unwrap_or_default();
    if latest.generation != summary.generation || latest.slice == summary.slice {
        return Ok(latest.generation == summary.generation);
    }
    let removed = read(REMOVED).await?.unwrap_or_default();
    Ok(removed.position <= summary.position)
}

/// Returns a summary, and stores one without events if it does not exist yet. If several callers do
/// this at once, all of them get the summary that was stored first.
pub(super) async fn read_or_begin(id: &str) -> Result<Summary> {
    if let Some(summary) = read(id).await? {
        return Ok(summary);
    }
    let summary = match id {
        REBUILD => rebuild(Vec::new()),
        _ => fresh(Vec::new()),
    };
    SUMMARIES.insert(&Document { _id: id, summary }).await?;
    let summary = read(id).await?;
    summary.ok_or_else(|| Failure::unavailable(format!("the summary `{id}` was removed meanwhile")))
}

/// Creates a summary without events, in a new generation.
pub(super) fn fresh(retired: Vec<String>) -> Summary {
    Summary {
        generation: Uuid::now_v7().simple().to_string(),
        retired,
        ..Summary::default()
    }
}

/// Creates a rebuild that has taken over nothing.
pub(super) fn rebuild(retired: Vec<String>) -> Summary {
    Summary {
        taken: Taken::Nothing,
        ..fresh(retired)
    }
}

/// Sets the end of the next slice, unless an end is already set or `summary` is not the latest.
pub(super) async fn plan(id: &str, summary: &Summary, end: u64) -> Result<bool> {
    let begun = OffsetDateTime::now_utc();
    let planned = Update::set_all(&json!({"planned": Plan { end, begun }}));
    update(unplanned(id, summary), planned).await
}

/// Replaces `summary` by `next`, which includes the planned slice, unless it is already replaced.
pub(super) async fn complete(id: &str, summary: &Summary, next: &Summary) -> Result<bool> {
    let planned = state(id, summary).and(eq("planned.end", next.position));
    update(planned, Update::set_all(next)).await
}

/// Replaces `summary` by `next`, unless it has changed or a slice is planned.
pub(super) async fn change(id: &str, summary: &Summary, next: &Summary) -> Result<bool> {
    update(unplanned(id, summary), Update::set_all(next)).await
}

/// Replaces a summary of this generation, regardless of its slice.
pub(super) async fn replace(id: &str, generation: &str, next: &Summary) -> Result<bool> {
    update(of_generation(id, generation), Update::set_all(next)).await
}

/// Removes a summary of this generation.
pub(super) async fn remove(id: &str, generation: &str) -> Result<()> {
    SUMMARIES.remove(of_generation(id, generation)).await?;
    Ok(())
}

fn of_generation(id: &str, generation: &str) -> Filter {
    eq("_id", id).and(eq("generation", generation))
}

/// Returns the filter for a summary that has not changed since it was read.
fn state(id: &str, summary: &Summary) -> Filter {
    of_generation(id, &summary.generation)
        .and(eq("slice", summary.slice))
        .and(eq("finished", summary.finished))
}

fn unplanned(id: &str, summary: &Summary) -> Filter {
    state(id, summary).and(eq("planned", None::<bool>))
}

async fn update(filter: Filter, update: Update) -> Result<bool> {
    Ok(SUMMARIES.update(filter, update).await? > 0)
}
