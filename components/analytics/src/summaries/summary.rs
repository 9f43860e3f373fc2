//! A summary as it is kept.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use service_kit::extended_json;
use time::{Duration, OffsetDateTime};

use super::Counts;

/// How long a slice that somebody has begun is left to them. It only spares work done twice; a
/// slice takes a fraction of a second, and who crashed in one holds up the others this long.
const CLAIM: Duration = Duration::seconds(10);

/// Numbers over all events that were received up to the watermark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Summary {
    /// Whose users these are; see [`super::users`].
    pub(super) generation: String,
    /// How many slices are in it.
    pub(super) slice: u64,
    /// Every event received up to this moment is in it, and none after.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub(super) watermark: OffsetDateTime,
    /// The end of the slice that is being worked on, and when that began.
    pub(super) planned: Option<Plan>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) users: u64,
    /// Of a rebuild: whether it is complete. It gets no further slices then, so that it and the
    /// summary that it becomes do not both move on in one generation.
    pub(super) finished: bool,
    /// Of a rebuild: generations whose users are to be removed once it has replaced the summary.
    pub(super) retired: Vec<String>,
}

/// A slice that somebody works on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Plan {
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub(super) end: OffsetDateTime,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub(super) begun: OffsetDateTime,
}

impl Plan {
    /// Whether somebody else is probably still at it.
    pub(super) fn is_claimed(&self) -> bool {
        (OffsetDateTime::now_utc() - self.begun).abs() < CLAIM
    }
}

/// Of no events.
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

fn write<S: Serializer>(moment: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    extended_json::date(*moment).serialize(serializer)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let value = Value::deserialize(deserializer)?;
    extended_json::read_date(&value).ok_or_else(|| D::Error::custom("not a date"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_kept_as_it_was() {
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
    fn a_slice_is_left_to_who_began_it_for_a_while_only() {
        let begun_before = |ago: Duration| Plan {
            end: OffsetDateTime::UNIX_EPOCH,
            begun: OffsetDateTime::now_utc() - ago,
        };
        assert!(begun_before(CLAIM / 2).is_claimed());
        assert!(!begun_before(CLAIM * 2).is_claimed());
        // A clock that is far ahead claims nothing for longer either.
        assert!(!begun_before(-CLAIM * 2).is_claimed());
    }
}
