//! Where summaries are kept, and the conditional updates that move them.

use serde_json::{Value, json};
use service_kit::adapter::documents::{self, Query};
use service_kit::{Problem, Result, extended_json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::summary::{Plan, Summary};

/// The summary that answers.
pub(super) const SUMMARY: &str = "summary";

/// The one that is to replace it.
pub(super) const REBUILD: &str = "rebuild";

const SUMMARIES: &str = "event_summaries";

/// A summary; none if it was never begun.
pub(super) async fn read(id: &str) -> Result<Option<Summary>> {
    let query = Query {
        filter: json!({"_id": id}).to_string(),
        sort: Vec::new(),
        skip: 0,
        limit: 1,
    };
    let found = documents::find(SUMMARIES.to_owned(), query).await?;
    let summary = found.first().map(|text| serde_json::from_str(text));
    summary.transpose().map_err(unreadable)
}

/// A summary, begun with no events if it was not there. Whoever begins it first has begun it.
pub(super) async fn read_or_begin(id: &str) -> Result<Summary> {
    if let Some(summary) = read(id).await? {
        return Ok(summary);
    }
    let mut document = fields(&fresh(Vec::new()))?;
    if let Some(document) = document.as_object_mut() {
        document.insert("_id".to_owned(), id.into());
    }
    documents::insert(SUMMARIES.to_owned(), vec![document.to_string()]).await?;
    let summary = read(id).await?;
    summary.ok_or_else(|| Problem::unavailable("a summary is gone as soon as it is begun"))
}

/// Of no events, in a generation of its own.
pub(super) fn fresh(retired: Vec<String>) -> Summary {
    Summary {
        generation: Uuid::now_v7().simple().to_string(),
        retired,
        ..Summary::default()
    }
}

/// Fix the end of the next slice, unless another has been fixed or `summary` is not the latest.
pub(super) async fn plan(id: &str, summary: &Summary, end: OffsetDateTime) -> Result<bool> {
    let begun = OffsetDateTime::now_utc();
    let change = json!({"planned": Plan { end, begun }});
    update(&state(id, summary, "planned", Value::Null), &change).await
}

/// Replace `summary` by `next`, which has the planned slice too, unless somebody has done so.
pub(super) async fn complete(id: &str, summary: &Summary, next: &Summary) -> Result<bool> {
    let end = extended_json::date(next.watermark);
    update(&state(id, summary, "planned.end", end), &fields(next)?).await
}

/// Replace `summary` by `next` where nobody has changed it or planned a slice.
pub(super) async fn change(id: &str, summary: &Summary, next: &Summary) -> Result<bool> {
    update(&state(id, summary, "planned", Value::Null), &fields(next)?).await
}

/// Replace a summary whatever slice it is at, if it is still of this generation.
pub(super) async fn replace(id: &str, generation: &str, next: &Summary) -> Result<bool> {
    let filter = json!({"_id": id, "generation": generation});
    update(&filter, &fields(next)?).await
}

/// Remove a summary, if it is still of this generation.
pub(super) async fn remove(id: &str, generation: &str) -> Result<()> {
    let filter = json!({"_id": id, "generation": generation});
    documents::remove(SUMMARIES.to_owned(), filter.to_string()).await?;
    Ok(())
}

/// The filter for a summary that is as it was read.
fn state(id: &str, summary: &Summary, planned: &str, value: Value) -> Value {
    let Summary {
        generation,
        slice,
        finished,
        ..
    } = summary;
    json!({
        "_id": id, "generation": generation, "slice": slice, "finished": finished, planned: value,
    })
}

async fn update(filter: &Value, change: &Value) -> Result<bool> {
    let update = json!({"$set": change}).to_string();
    let matched = documents::update(SUMMARIES.to_owned(), filter.to_string(), update).await?;
    Ok(matched > 0)
}

fn fields(summary: &Summary) -> Result<Value> {
    serde_json::to_value(summary)
        .map_err(|error| Problem::internal(format!("writing a summary: {error}")))
}

fn unreadable(error: serde_json::Error) -> Problem {
    Problem::internal(format!("reading a summary: {error}"))
}
