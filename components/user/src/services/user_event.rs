//! The message that tells analytics what a user did.

use serde_json::json;
use service_kit::adapter::postgres::Message;
use service_kit::clock;
use uuid::Uuid;

/// A message about `event_name`, to be written with the change that it is about.
///
/// The event's id is also its idempotency key: delivered twice, it is stored once. It says when it
/// happened, because it may be delivered much later.
pub(super) fn user_event(event_name: &str, user_id: &str) -> Message {
    let event_id = Uuid::now_v7().to_string();
    let event = json!({
        "event_id": event_id,
        "event_type": "user_action",
        "event_name": event_name,
        "user_id": user_id,
        "timestamp": clock::now(),
        "properties": {},
    });
    Message {
        peer: "analytics".to_owned(),
        path: "/api/v1/analytics/events".to_owned(),
        body: event.to_string(),
        idempotency_key: event_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_event_and_its_delivery_share_an_id() {
        let message = user_event("user_login", "u1");
        let event: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(event["event_id"], message.idempotency_key);
        assert_eq!(event["user_id"], "u1");
    }
}
