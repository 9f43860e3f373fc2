//! What users did, as it is stored and as they see it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use service_kit::Client;
use service_kit::input::{Fields, FromFields, Period, rules};
use service_kit::page::PageRequest;
use service_kit::{client, clock};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const REGISTERED: &str = "registered";
pub(crate) const LOGGED_IN: &str = "logged_in";
pub(crate) const LOGIN_FAILED: &str = "login_failed";
pub(crate) const LOGGED_OUT: &str = "logged_out";
/// From another session.
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

/// The longest text of an IP address: IPv6 with an IPv4 address in it.
const MAX_ADDRESS: usize = 45;

/// Something that a user did, or that somebody did in its name.
#[derive(Debug)]
pub(crate) struct NewActivity {
    /// Made with it, so that it is stored once however often it arrives.
    pub(crate) id: Uuid,
    pub(crate) user_id: String,
    pub(crate) action: &'static str,
    pub(crate) at: OffsetDateTime,
    pub(crate) session_id: Option<String>,
    pub(crate) client: Client,
}

impl NewActivity {
    /// An activity of this moment.
    pub(crate) fn now(
        action: &'static str,
        user_id: &str,
        session_id: Option<&str>,
        client: &Client,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            user_id: user_id.to_owned(),
            action,
            at: OffsetDateTime::now_utc(),
            session_id: session_id.map(str::to_owned),
            client: client.clone(),
        }
    }

    /// The body that [`FromFields`] reads again.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "user_id": self.user_id,
            "action": self.action,
            "at": clock::format(self.at),
            "session_id": self.session_id,
            "address": self.client.address,
            "user_agent": self.client.user_agent,
        })
    }
}

impl FromFields for NewActivity {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let id = fields.required("id", rules::uuid);
        let user_id = fields.required("user_id", rules::uuid);
        let action = fields.required("action", rules::one_of(ACTIONS));
        let at = fields.required("at", rules::timestamp);
        let session_id = fields.optional("session_id", rules::uuid);
        let address = fields.optional("address", rules::text(1, MAX_ADDRESS));
        let user_agent = fields.optional("user_agent", rules::text(1, client::MAX_USER_AGENT));
        Some(Self {
            id: id?,
            user_id: user_id?.to_string(),
            action: action?,
            at: at?,
            session_id: session_id?.map(|id| id.to_string()),
            client: Client {
                address: address?,
                user_agent: user_agent?,
            },
        })
    }
}

/// Which activities are asked for.
#[derive(Debug)]
pub(crate) struct ActivityQuery {
    pub(crate) action: Option<&'static str>,
    pub(crate) period: Period,
    pub(crate) page: PageRequest,
}

impl FromFields for ActivityQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let action = fields.optional("action", rules::one_of(ACTIONS));
        let period = Period::from_fields(fields);
        let page = PageRequest::from_fields(fields);
        Some(Self {
            action: action?,
            period: period?,
            page: page?,
        })
    }
}

/// An activity, as its user sees it.
#[derive(Debug, Serialize)]
pub(crate) struct Activity {
    pub(crate) id: Uuid,
    pub(crate) action: String,
    pub(crate) at: String,
    pub(crate) session_id: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
}

/// How often a user did what, and when.
#[derive(Debug, Serialize)]
pub(crate) struct ActivityStatistics {
    pub(crate) total: u64,
    pub(crate) by_action: BTreeMap<String, u64>,
    /// By day in UTC, such as `2026-01-31`. Of more than 1,000 days the busiest 1,000.
    pub(crate) by_day: BTreeMap<String, u64>,
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
        let user = Uuid::now_v7().to_string();
        let activity = NewActivity::now(LOGGED_IN, &user, None, &client);
        let again: NewActivity = read(activity.to_json()).unwrap();
        assert_eq!(again.to_json(), activity.to_json());
        assert_eq!(again.client, client);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let document = json!({"id": 1, "user_id": "u", "action": "slept", "at": "now"});
        let problem = format!("{:?}", read::<NewActivity>(document).unwrap_err());
        for field in ["/id", "/user_id", "/action", "/at"] {
            assert!(problem.contains(field), "{field} in {problem}");
        }
    }
}
