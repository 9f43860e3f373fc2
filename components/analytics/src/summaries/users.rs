//! The users of a summary. They are separate documents, so that a summary stays small.
//!
//! A user's document is marked with the first slice that has an event about the user. Slices have
//! fixed ends and are completed in order, so every worker writes the same mark. A summary at slice
//! `n` has exactly the users with marks up to `n`. Marks of later slices do not count.

use serde::{Deserialize, Serialize};
use service_kit::Collection;
use service_kit::adapter::documents::Direction;
use service_kit::collection::filter::{eq, gt, gte, is_in, lt, lte};

use super::Result;
use super::summary::Summary;

const USERS: Collection<User> = Collection::new("event_users");

/// The number of users that one insert or one `$in` accepts.
const BATCH: usize = 1_000;

/// A user of a generation.
#[derive(Debug, Serialize, Deserialize)]
struct User {
    #[serde(rename = "_id")]
    key: String,
    /// The mark of the first slice that has an event about the user.
    slice: String,
}

/// Marks the users of the next slice that are not in `summary` yet, and returns their number.
pub(super) async fn enrol(summary: &Summary, users: &[&String]) -> Result<u64> {
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

/// Counts how many of `users` are in the summary.
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

/// Copies some users of the summary `from` to a rebuild that begins with its counts: those after the user `after`,
/// in their order. Returns the last one, or `None` if no users were left.
pub(super) async fn copy(from: &Summary, rebuild: &Summary, after: &str) -> Result<Option<String>> {
    let rest = gt("_id", key(from, after)).and(lt("_id", format!("{}!", from.generation)));
    let found = USERS.find(rest).order_by("_id", Direction::Ascending);
    let found = found.limit(BATCH as u32).fetch_all().await?;
    // `User::slice` has leading zeros, and users of later slices are not in the counts.
    let (until, slice) = (mark(from, from.slice), mark(rebuild, from.slice));
    let name = |user: &User| user.key.split_once(' ').map(|(_, name)| name.to_owned());
    let users = found.iter().filter(|user| user.slice <= until);
    let users = users.filter_map(name).map(|name| User {
        key: key(rebuild, &name),
        slice: slice.clone(),
    });
    USERS.insert_all(users).await?;
    Ok(found.last().and_then(name))
}

/// Removes some users of a generation, and returns whether there may be more.
pub(super) async fn forget(generation: &str) -> Result<bool> {
    // Exactly the keys of this generation lie in between, because `!` is the character after the space.
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

/// Leading zeros make the marks sort in the order of their numbers.
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
