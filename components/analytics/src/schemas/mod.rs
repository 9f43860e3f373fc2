//! The schemas of requests and answers.

mod bulk;
mod event;
mod event_search;
mod properties;
mod rebuild;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use service_kit::clock;
use service_kit::input::{FromFields, Rule, Violation, rule, rules};
use service_kit::openapi::Schema;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use bulk::{Bulk, BulkStored, EventOutcome, read_event};
pub(crate) use event::Event;
pub(crate) use event_search::EventSearch;
pub(crate) use rebuild::{Rebuild, Rebuilt};

/// Maximum length of a user id. It is part of a document's `_id`, whose length is limited in every
/// store.
pub(crate) const MAX_USER_ID_BYTES: usize = 200;

const EVENT_TYPES: &[&str] = &[
    "user_action",
    "page_view",
    "api_call",
    "button_click",
    "form_submit",
    "user_registration",
    "user_login",
    "purchase",
    "search",
    "custom",
];

/// Body of a new event.
#[derive(Debug, FromFields)]
pub(crate) struct NewEvent {
    #[rule(rules::uuid)]
    pub(crate) event_id: Option<Uuid>,
    #[rule(rules::one_of(EVENT_TYPES))]
    pub(crate) event_type: &'static str,
    #[rule(rules::text(1, 100))]
    #[example("home")]
    pub(crate) event_name: String,
    #[rule(user_id)]
    pub(crate) user_id: Option<String>,
    /// When it happened. The default is when it arrived. At most 5 minutes in the future.
    #[rule(rules::timestamp)]
    pub(crate) timestamp: Option<OffsetDateTime>,
    /// A JSON object of at most 16 KiB with all digits of its numbers, nested at most 32 deep. Names
    /// must not begin with `$`.
    #[rule(properties::properties, default = Value::Object(Map::new()))]
    #[example(json!({"page": "/"}))]
    pub(crate) properties: Value,
}

/// The outcome of storing an event.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Stored {
    pub(crate) event_id: Uuid,
    /// False if it was stored before.
    pub(crate) stored: bool,
}

/// Statistics over all events, or over those of a period.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Statistics {
    /// Every event that was stored before this moment is counted. At most a second ago.
    #[serde(serialize_with = "clock::serialize")]
    pub(crate) as_of: OffsetDateTime,
    pub(crate) total_events: u64,
    #[example(json!({"page_view": 2}))]
    pub(crate) by_type: BTreeMap<String, u64>,
    /// By day in UTC, such as `2026-01-31`, for the latest 1,000 days.
    #[example(json!({"2026-01-31": 2}))]
    pub(crate) by_day: BTreeMap<String, u64>,
    /// Null for a period with parts of days from which events were removed because of their age, and for one with more
    /// than 100,000 events of which parts of days have 1,000 users or more.
    pub(crate) distinct_users: Option<u64>,
    /// Whether `distinct_users` is an estimate, with a standard error of 1.6 %. It is exact without `from` and `to`, and
    /// for a period with at most 500 users on each whole day and 10,000 in all.
    pub(crate) distinct_users_estimated: bool,
    /// The counts of the user service, at most a second old; null if it does not answer.
    #[example(json!({"total_users": 2, "active_users": 2, "inactive_users": 0}))]
    pub(crate) user_stats: Option<Value>,
}

/// At most 100 characters and 200 bytes. JSON Schema counts characters only.
fn user_id() -> impl Rule<Output = String> {
    let text = || rules::text(1, 100);
    let schema = move || text().schema();
    rule(schema, move |value| {
        let text = text().read(value)?;
        if text.len() > MAX_USER_ID_BYTES {
            let limit = rules::counted(MAX_USER_ID_BYTES, "byte");
            let message = format!("must have at most {limit}");
            return Err(Violation::new("too_long", message));
        }
        Ok(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::input::read;

    #[test]
    fn the_shortest_event_is_a_type_and_a_name() {
        let event: NewEvent =
            read(json!({"event_type": "page_view", "event_name": "home"})).unwrap();
        assert_eq!(event.event_type, "page_view");
        assert_eq!(event.properties, json!({}));
        assert!(event.event_id.is_none() && event.user_id.is_none());
    }

    #[test]
    fn every_invalid_field_is_named() {
        let document = json!({
            "event_id": "1", "event_type": "nap", "event_name": "x".repeat(101),
            "user_id": 1, "timestamp": "tomorrow", "properties": [],
        });
        let problem = format!("{:?}", read::<NewEvent>(document).unwrap_err());
        for field in [
            "/event_id",
            "/event_type",
            "/event_name",
            "/user_id",
            "/timestamp",
            "/properties",
        ] {
            assert!(problem.contains(field), "{field} in {problem}");
        }
    }

    #[test]
    fn a_user_id_is_bounded_in_bytes_too() {
        assert!(user_id().read(json!("é".repeat(100))).is_ok());
        assert!(user_id().read(json!("€".repeat(67))).is_err());
    }
}
