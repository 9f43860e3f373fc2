//! An event in the list of events.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::extended_json;
use service_kit::openapi::Schema;
use service_kit::page::{Cursor, Item};
use time::OffsetDateTime;
use uuid::Uuid;

/// An event, read from its document.
#[derive(Debug, Deserialize, Serialize, Schema)]
pub(crate) struct Event {
    #[serde(rename(deserialize = "_id"))]
    event_id: Uuid,
    #[example("page_view")]
    event_type: String,
    #[example("home")]
    event_name: String,
    user_id: Option<String>,
    /// When it happened, according to its sender.
    #[serde(
        deserialize_with = "extended_json::deserialize",
        serialize_with = "time::serde::rfc3339::serialize"
    )]
    timestamp: OffsetDateTime,
    #[example(json!({"page": "/"}))]
    properties: Value,
    /// The service that sent it, or `bearer`.
    #[example("bearer")]
    source: String,
}

impl Item for Event {
    fn cursor(&self) -> Cursor {
        Cursor {
            at: self.timestamp,
            id: self.event_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_listed_without_internal_fields() {
        let event: Event = serde_json::from_value(json!({
            "_id": "018f4e9a-7b1c-7def-8000-000000000001", "event_type": "search",
            "event_name": "books", "user_id": null, "properties": {"q": 1}, "source": "user",
            "timestamp": {"$date": "2026-01-31T23:00:00.120Z"},
            "received_at": {"$date": "2026-01-31T23:00:01.000Z"}, "bucket": "2026-01-31 search",
        }))
        .unwrap();
        let listed = json!({
            "event_id": "018f4e9a-7b1c-7def-8000-000000000001", "event_type": "search",
            "event_name": "books", "user_id": null, "properties": {"q": 1}, "source": "user",
            "timestamp": "2026-01-31T23:00:00.12Z",
        });
        assert_eq!(serde_json::to_value(event).unwrap(), listed);
    }
}
