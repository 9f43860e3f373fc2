//! The users of a summary: documents of their own, so that a summary stays small.
//!
//! A user's document is marked with the first slice that has an event of the user. Slices have fixed
//! ends and are completed in order, so every worker writes the same mark. A summary at slice `n` has
//! exactly the users with marks up to `n`, whatever was written for a slice after it.

use serde::{Deserialize, Serialize};
use service_kit::Collection;
use service_kit::collection::filter::{eq, gte, is_in, lt, lte};

use super::Result;
use super::summary::Summary;

const USERS: Collection<User> = Collection::new("event_users");

/// As many users as one insert or one `$in` accepts.
const BATCH: usize = 1_000;

/// A user of a generation.
#[derive(Debug, Serialize, Deserialize)]
struct User {
    #[serde(rename = "_id")]
    key: String,
    /// The first slice that has an event of the user.
    slice: String,
}

/// Mark the users of the slice after `summary` that are not in it, and return how many they are.
pub(super) async fn enrol(summary: &Summary, users: &[String]) -> Result<u64> {
    let mark = mark(summary, summary.slice + 1);
    for users in users.chunks(BATCH) {
        let users = users.iter().map(|user| User {
            key: key(summary, user),
            slice: mark.clone(),
        });
        USERS.insert_all(users).await?;
    }
    USERS.count(eq("slice", mark)).await
}

/// How many of `users` are in the summary.
pub(super) async fn known(summary: &Summary, users: &[String]) -> Result<u64> {
    let mut known = 0;
    // A summary has no users before its first slice.
    let users = if summary.slice == 0 { &[] } else { users };
    for users in users.chunks(BATCH) {
        let keys = users.iter().map(|user| key(summary, user));
        let until = mark(summary, summary.slice);
        known += USERS
            .count(is_in("_id", keys).and(lte("slice", until)))
            .await?;
    }
    Ok(known)
}

/// Remove some users of a generation, and return whether there may be more.
pub(super) async fn forget(generation: &str) -> Result<bool> {
    // All keys of a generation, and no others, lie between these: `!` follows the blank.
    let first = gte("_id", format!("{generation} "));
    let of_generation = first.clone().and(lt("_id", format!("{generation}!")));
    let found = USERS.find(of_generation.clone()).skip(BATCH as u32 - 1);
    let last = found.fetch_optional().await?;
    let filter = match &last {
        Some(last) => first.and(lte("_id", &last.key)),
        None => of_generation,
    };
    USERS.remove(filter).await?;
    Ok(last.is_some())
}

fn key(summary: &Summary, user: &str) -> String {
    format!("{} {user}", summary.generation)
}

/// With enough digits that marks sort as their numbers do.
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
