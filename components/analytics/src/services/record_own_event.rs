//! Records an event of a user whose access token is checked in the same call to the adapter.

use service_kit::{OffsetDateTime, UncheckedToken, Uuid, collection};

use super::EVENTS;
use super::document::{Document, Origin, Times};
use super::record_event::{BY_USER, is_acceptable};
use crate::error::{Error, Result};
use crate::schemas::{NewEvent, Stored};
use crate::summaries;

/// Whether an event can be stored before its user is known: it names no user, and its time is acceptable.
pub(crate) fn is_about_sender(event: &NewEvent) -> bool {
    let now = OffsetDateTime::now_utc();
    let is_acceptable = |moment| is_acceptable(moment, now);
    event.user_id.is_none() && event.timestamp.is_none_or(is_acceptable)
}

/// Stores an event about the user of a token, unless an event with the same id is stored already.
pub(crate) async fn record_own_event(token: UncheckedToken, event: NewEvent) -> Result<Stored> {
    let event_id = event.event_id.unwrap_or_else(Uuid::now_v7);
    let received_at = OffsetDateTime::now_utc();
    let times = Times {
        timestamp: event.timestamp.unwrap_or(received_at),
        received_at,
    };
    let origin = Origin {
        source: BY_USER.to_owned(),
        user_id: collection::subject(),
    };
    let document = Document::new(event_id, event, origin, times);
    let stored = EVENTS.insert_for_subject(token, &document).await;
    let stored = stored.map_err(Error::of_subject)?;
    summaries::advance_now_and_then();
    Ok(Stored { event_id, stored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use service_kit::input::read;

    #[test]
    fn an_event_that_could_be_rejected_waits_for_its_user() {
        let is_about_sender = |field: &str, value: &str| {
            let event = json!({"event_type": "search", "event_name": "x", field: value});
            is_about_sender(&read(event).unwrap())
        };
        assert!(is_about_sender("event_name", "y"));
        assert!(is_about_sender("timestamp", "2026-01-31T12:00:00Z"));
        assert!(!is_about_sender("timestamp", "9000-01-31T12:00:00Z"));
        assert!(!is_about_sender("user_id", "ada"));
    }
}
