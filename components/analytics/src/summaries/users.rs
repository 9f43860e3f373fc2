//! Which users are in a summary: documents of their own, so that a summary stays small.
//!
//! A user's document is marked with the slice that met the user first. Slices have fixed ends and
//! are completed in order, so the mark is the same whoever writes it, and a summary at slice `n`
//! has exactly the users with marks up to `n`, whatever was written for a slice after it.

use serde_json::json;
use service_kit::Result;
use service_kit::adapter::documents::{self, Query};

use super::summary::Summary;

const USERS: &str = "event_users";

/// As many as the interface takes in one insert, or in one `$in`.
const BATCH: usize = 1_000;

/// Mark the users of the slice after `summary` that are not in it, and say how many those are.
pub(super) async fn enrol(summary: &Summary, users: &[String]) -> Result<u64> {
    let mark = mark(summary, summary.slice + 1);
    for users in users.chunks(BATCH) {
        let document =
            |user: &String| json!({"_id": key(summary, user), "slice": mark}).to_string();
        let documents = users.iter().map(document).collect();
        documents::insert(USERS.to_owned(), documents).await?;
    }
    let filter = json!({"slice": mark});
    Ok(documents::count(USERS.to_owned(), filter.to_string()).await?)
}

/// How many of `users` are in the summary.
pub(super) async fn known(summary: &Summary, users: &[String]) -> Result<u64> {
    let mut known = 0;
    // Before its first slice a summary has none.
    let users = if summary.slice == 0 { &[] } else { users };
    for users in users.chunks(BATCH) {
        let keys: Vec<String> = users.iter().map(|user| key(summary, user)).collect();
        let until = mark(summary, summary.slice);
        let filter = json!({"_id": {"$in": keys}, "slice": {"$lte": until}});
        known += documents::count(USERS.to_owned(), filter.to_string()).await?;
    }
    Ok(known)
}

/// Remove some users of a generation, and say whether there may be more.
pub(super) async fn forget(generation: &str) -> Result<bool> {
    // All keys of a generation, and no others, lie between these: `!` follows the blank.
    let of_generation =
        json!({"_id": {"$gte": format!("{generation} "), "$lt": format!("{generation}!")}});
    let query = Query {
        filter: of_generation.to_string(),
        sort: Vec::new(),
        skip: BATCH as u32 - 1,
        limit: 1,
    };
    let last = documents::find(USERS.to_owned(), query).await?;
    let last = last.first().and_then(|text| id(text));
    let filter = match &last {
        Some(last) => json!({"_id": {"$gte": format!("{generation} "), "$lte": last}}),
        None => of_generation,
    };
    documents::remove(USERS.to_owned(), filter.to_string()).await?;
    Ok(last.is_some())
}

fn id(document: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(document).ok()?;
    document.get("_id")?.as_str().map(str::to_owned)
}

fn key(summary: &Summary, user: &str) -> String {
    format!("{} {user}", summary.generation)
}

/// Digits enough that marks sort as their numbers do.
fn mark(summary: &Summary, slice: u64) -> String {
    format!("{} {slice:012}", summary.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_sort_as_slices_do() {
        let summary = Summary::default();
        let marks = [1, 2, 10, 99_999, 100_000].map(|slice| mark(&summary, slice));
        assert!(marks.is_sorted());
    }

    #[test]
    fn the_longest_user_id_has_a_key() {
        let summary = super::super::store::fresh(Vec::new());
        let longest = "x".repeat(crate::schemas::MAX_USER_ID_BYTES);
        // The interface takes ids of up to 256 bytes.
        assert!(key(&summary, &longest).len() <= 256);
    }
}
