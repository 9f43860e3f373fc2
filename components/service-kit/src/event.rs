//! Events for the analytics service.

use serde_json::json;
use uuid::Uuid;

use crate::sql::{Message, message};
use crate::{Failure, clock};

/// A message that tells analytics what a user did, such as `note_created`. It is sent with the change that
/// it is about, by [`crate::sql::Transaction::send`].
///
/// The event's id is also the idempotency key, so an event that is delivered twice is stored once.
/// The event says when it happened, because it may be delivered much later.
///
/// The component needs `analytics` among its `peers`, and analytics needs the component among its
/// `envelopes`.
///
/// # Errors
/// If the event cannot be written as JSON.
pub fn user_action(event_name: &str, user_id: Uuid) -> Result<Message, Failure> {
    let event_id = Uuid::now_v7();
    let event = json!({
        "event_id": event_id,
        "event_type": "user_action",
        "event_name": event_name,
        "user_id": user_id,
        "timestamp": clock::now(),
        "properties": {},
    });
    message("analytics", "/api/v1/analytics/events", event_id, &event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_event_and_its_message_share_an_id() {
        let message = user_action("user_login", Uuid::nil()).unwrap();
        let event: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(event["event_id"], message.idempotency_key);
        assert_eq!(event["user_id"], Uuid::nil().to_string());
    }
}
