//! A summary as it is stored.

use serde::{Deserialize, Serialize};
use service_kit::extended_json;
use time::{Duration, OffsetDateTime};

use super::Counts;

/// How long a slice is reserved for the worker that began it, to avoid duplicate work. A slice
/// takes a fraction of a second; after a crash the others wait this long.
const CLAIM: Duration = Duration::seconds(10);

/// Numbers over all events that were received up to the watermark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Summary {
    /// The name of its users; see [`super::users`].
    pub(super) generation: String,
    /// How many slices are in it.
    pub(super) slice: u64,
    /// Every event received up to this moment is in it, and no later one.
    #[serde(with = "extended_json")]
    pub(super) watermark: OffsetDateTime,
    /// The end of the slice that is being worked on, and when that began.
    pub(super) planned: Option<Plan>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) users: u64,
    /// Whether a rebuild is complete. Then it gets no further slices, so that it and the summary that
    /// it becomes do not both move forward in one generation.
    pub(super) finished: bool,
    /// Generations whose users are removed once a rebuild has replaced the summary.
    pub(super) retired: Vec<String>,
}

/// A slice that a worker has begun.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Plan {
    #[serde(with = "extended_json")]
    pub(super) end: OffsetDateTime,
    #[serde(with = "extended_json")]
    pub(super) begun: OffsetDateTime,
}

impl Plan {
    /// Whether the worker that began it is probably still working on it.
    pub(super) fn is_claimed(&self) -> bool {
        (OffsetDateTime::now_utc() - self.begun).abs() < CLAIM
    }
}

/// Without events.
impl Default for Summary {
    fn default() -> Self {
        Self {
            generation: String::new(),
            slice: 0,
            watermark: OffsetDateTime::UNIX_EPOCH,
            planned: None,
            counts: Counts::default(),
            users: 0,
            finished: false,
            retired: Vec::new(),
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
                end: OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(1),
                begun: now,
            }),
            ..Summary::default()
        };
        let document = serde_json::to_value(&summary).unwrap();
        assert_eq!(document["watermark"]["$date"], "1970-01-01T00:00:00.000Z");
        assert_eq!(
            document["planned"]["end"]["$date"],
            "1970-01-01T00:00:00.001Z"
        );
        assert_eq!(document["total"], 0);
        let again: Summary = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), document);
        assert!(again.planned.unwrap().is_claimed());
    }

    #[test]
    fn a_slice_is_left_to_its_worker_for_a_limited_time() {
        let begun_before = |ago: Duration| Plan {
            end: OffsetDateTime::UNIX_EPOCH,
            begun: OffsetDateTime::now_utc() - ago,
        };
        assert!(begun_before(CLAIM / 2).is_claimed());
        assert!(!begun_before(CLAIM * 2).is_claimed());
        // A clock that is far ahead does not extend the claim.
        assert!(!begun_before(-CLAIM * 2).is_claimed());
    }
}
