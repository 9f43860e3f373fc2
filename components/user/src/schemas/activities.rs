//! The activities of users, as they are recorded and as they are listed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_kit::input::{FromFields, Period, rules};
use service_kit::openapi::Schema;
use service_kit::page::{Item, PageRequest};
use service_kit::{Client, clock, extended_json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::day::Day;

pub(crate) const REGISTERED: &str = "registered";
pub(crate) const LOGGED_IN: &str = "logged_in";
pub(crate) const LOGIN_FAILED: &str = "login_failed";
pub(crate) const LOGGED_OUT: &str = "logged_out";
/// The session was ended from another session.
pub(crate) const SESSION_ENDED: &str = "session_ended";
pub(crate) const PASSWORD_CHANGED: &str = "password_changed";
pub(crate) const PASSWORD_CHANGE_FAILED: &str = "password_change_failed";

const ACTIONS: &[&str] = &[
    REGISTERED,
    LOGGED_IN,
    LOGIN_FAILED,
    LOGGED_OUT,
    SESSION_ENDED,
    PASSWORD_CHANGED,
    PASSWORD_CHANGE_FAILED,
];

/// An action of a user, or an attempt in the user's name.
///
/// It is sent as a message, which [`FromFields`] reads.
#[derive(Debug, Serialize, FromFields)]
pub(crate) struct NewActivity {
    /// Generated with the activity, so that an activity that arrives several times is stored once.
    #[rule(rules::uuid)]
    pub(crate) id: Uuid,
    #[rule(rules::uuid)]
    pub(crate) user_id: Uuid,
    #[rule(rules::one_of(ACTIONS))]
    pub(crate) action: &'static str,
    #[serde(serialize_with = "clock::serialize")]
    #[rule(rules::timestamp)]
    pub(crate) at: OffsetDateTime,
    #[rule(rules::uuid)]
    pub(crate) session_id: Option<Uuid>,
    #[serde(flatten)]
    #[flatten]
    pub(crate) client: Client,
}

impl NewActivity {
    /// Creates an activity that happens now.
    pub(crate) fn now(
        action: &'static str,
        user_id: Uuid,
        session_id: Option<Uuid>,
        client: &Client,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            user_id,
            action,
            at: OffsetDateTime::now_utc(),
            session_id,
            client: client.clone(),
        }
    }
}

/// The search parameters of the list of activities.
#[derive(Debug, FromFields)]
pub(crate) struct ActivityQuery {
    #[rule(rules::one_of(ACTIONS))]
    pub(crate) action: Option<&'static str>,
    #[flatten]
    pub(crate) period: Period,
    #[flatten]
    pub(crate) page: PageRequest,
}

/// An activity as it is listed, read from its document.
#[derive(Debug, Serialize, Schema, Deserialize, Item)]
pub(crate) struct Activity {
    #[serde(rename(deserialize = "_id"))]
    pub(crate) id: Uuid,
    #[example("logged_in")]
    pub(crate) action: String,
    #[at]
    #[serde(
        deserialize_with = "extended_json::deserialize",
        serialize_with = "clock::serialize"
    )]
    pub(crate) at: OffsetDateTime,
    pub(crate) session_id: Option<String>,
    #[example("192.0.2.1")]
    pub(crate) address: Option<String>,
    #[example("curl/8.5.0")]
    pub(crate) user_agent: Option<String>,
}

/// The number of a user's activities, by action and by day.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct ActivityStatistics {
    pub(crate) total: u64,
    #[example(json!({"logged_in": 2}))]
    pub(crate) by_action: BTreeMap<String, u64>,
    /// By day in UTC, such as `2026-01-31`, for the latest 1,000 days.
    #[example(json!({"2026-01-31": 2}))]
    pub(crate) by_day: BTreeMap<Day, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::input::read;

    #[test]
    fn an_activity_is_read_as_it_was_written() {
        let client = Client {
            address: Some("192.0.2.1".to_owned()),
            user_agent: None,
        };
        let activity = NewActivity::now(LOGGED_IN, Uuid::now_v7(), None, &client);
        let written = serde_json::to_value(&activity).unwrap();
        let again: NewActivity = read(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), written);
        assert_eq!(again.client, client);
    }

    #[test]
    fn a_document_is_read_as_an_activity() {
        let id = "018f4e9a-7b1c-7def-8000-000000000001";
        let at = "2026-01-31T12:00:00.000Z";
        let document =
            json!({"_id": id, "action": "logged_in", "at": {"$date": at}, "address": null});
        let activity: Activity = serde_json::from_value(document).unwrap();
        assert_eq!(activity.cursor().id, activity.id);
        let listed = serde_json::to_value(&activity).unwrap();
        assert_eq!(listed["id"], id);
        assert_eq!(listed["at"], "2026-01-31T12:00:00.000000Z");
        assert_eq!(listed["address"], json!(null));
        assert!(serde_json::from_value::<Activity>(json!({})).is_err());
    }

    #[test]
    fn every_invalid_field_is_named() {
        let document = json!({"id": 1, "user_id": "u", "action": "slept", "at": "now"});
        let problem = format!("{:?}", read::<NewActivity>(document).unwrap_err());
        for field in ["/id", "/user_id", "/action", "/at"] {
            assert!(problem.contains(field), "{field} in {problem}");
        }
    }
}
