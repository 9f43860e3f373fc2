//! The stored form of a summary.

use serde::{Deserialize, Serialize};
use service_kit::extended_json;
use time::{Duration, OffsetDateTime};

use super::Counts;

/// How long a slice is reserved for the worker that began it, to avoid duplicate work. A slice
/// takes a fraction of a second; after a crash the others wait this long.
const CLAIM: Duration = Duration::seconds(10);

/// Counts of all events up to a position.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Summary {
    /// Part of the `_id` of its user documents; see [`super::users`].
    pub(super) generation: String,
    /// The number of slices in the summary.
    pub(super) slice: u64,
    /// The summary includes every event up to this position, and no later ones.
    pub(super) position: u64,
    /// The slice in progress.
    pub(super) planned: Option<Plan>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) users: u64,
    /// Whether a rebuild is complete. It then gets no further slices. Otherwise, the rebuild and the
    /// summary that it becomes could both move forward in the same generation.
    pub(super) finished: bool,
    /// Generations whose users are removed once a rebuild has replaced the summary.
    pub(super) retired: Vec<String>,
    /// What a rebuild has taken over of the events that were removed. An earlier version removed none.
    #[serde(default)]
    pub(super) taken: Taken,
}

/// How far a rebuild has taken over the summary of the events that were removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Taken {
    Nothing,
    /// The counts, and the users up to this one.
    UsersUpTo(String),
    #[default]
    All,
}

/// The end of a slice in progress, and when a worker began it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) end: u64,
    #[serde(with = "extended_json")]
    pub(super) begun: OffsetDateTime,
}

impl Plan {
    /// Whether the worker that began the slice is probably still working on it.
    pub(super) fn is_claimed(&self) -> bool {
        (OffsetDateTime::now_utc() - self.begun).abs() < CLAIM
    }
}

/// A summary without events.
impl Default for Summary {
    fn default() -> Self {
        Self {
            generation: String::new(),
            slice: 0,
            position: 0,
            planned: None,
            counts: Counts::default(),
            users: 0,
            finished: false,
            retired: Vec::new(),
            taken: Taken::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read_as_it_was_written() {
        let now = OffsetDateTime::now_utc();
        let summary = Summary {
            generation: "g".to_owned(),
            planned: Some(Plan {
                end: 1 << 60,
                begun: now,
            }),
            ..Summary::default()
        };
        let document = serde_json::to_value(&summary).unwrap();
        assert_eq!(document["planned"]["end"], 1_u64 << 60);
        assert_eq!(document["total"], 0);
        let again: Summary = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), document);
        assert!(again.planned.unwrap().is_claimed());
    }

    #[test]
    fn a_slice_is_left_to_its_worker_for_a_limited_time() {
        let begun_before = |ago: Duration| Plan {
            end: 1,
            begun: OffsetDateTime::now_utc() - ago,
        };
        assert!(begun_before(CLAIM / 2).is_claimed());
        assert!(!begun_before(CLAIM * 2).is_claimed());
        // A clock that is far ahead does not extend the claim.
        assert!(!begun_before(-CLAIM * 2).is_claimed());
    }
}
