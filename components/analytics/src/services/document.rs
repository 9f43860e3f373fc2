//! The document that an event is stored as.

use serde::Serialize;
use serde_json::Value;
use service_kit::{OffsetDateTime, Uuid, clock, collection, extended_json};

use crate::schemas::NewEvent;
use crate::summaries;

/// An event as it is stored.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Document {
    #[serde(rename = "_id")]
    pub(super) event_id: Uuid,
    pub(super) event_type: &'static str,
    pub(super) event_name: String,
    /// Text, null, or what stands for the subject of a token.
    pub(super) user_id: Value,
    pub(super) properties: Value,
    /// When it happened, according to its sender.
    #[serde(with = "extended_json")]
    timestamp: OffsetDateTime,
    /// This service's time.
    #[serde(with = "extended_json")]
    received_at: OffsetDateTime,
    /// Joins day and type, because documents can be counted by only one field.
    bucket: String,
    /// The service that sent it, or `bearer`.
    pub(super) source: String,
    /// Separates new events from counted ones, regardless of all clocks.
    position: Value,
    /// The digest of the request, if it had an idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<String>,
}

/// Who sent an event, and the user it is about.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) source: String,
    pub(super) user_id: Value,
}

/// When an event happened, and when it arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) timestamp: OffsetDateTime,
    pub(super) received_at: OffsetDateTime,
}

impl Document {
    pub(super) fn new(event_id: Uuid, event: NewEvent, origin: Origin, times: Times) -> Self {
        Self {
            event_id,
            event_type: event.event_type,
            event_name: event.event_name,
            user_id: origin.user_id,
            properties: event.properties,
            timestamp: times.timestamp,
            received_at: times.received_at,
            bucket: summaries::bucket(&clock::day(times.timestamp), event.event_type),
            source: origin.source,
            position: collection::position(),
            request: None,
        }
    }
}
