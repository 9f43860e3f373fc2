//! Several events in one request, and what became of each.

use serde::Serialize;
use serde_json::{Value, json};
use service_kit::Problem;
use service_kit::input::{FromFields, Rule, Violation, read, rule, rules};
use service_kit::openapi::{Properties, Schema};
use service_kit::problem::FieldError;
use uuid::Uuid;

use super::NewEvent;

/// Maximum number of events in a request. With more, sealing costs hardly less for each, and a request
/// takes longer.
const MAX_EVENTS: usize = 100;

/// Body of several events.
#[derive(Debug, FromFields)]
pub(crate) struct Bulk {
    /// 1 to 100 events. One that is not valid is rejected, and the others are stored.
    #[rule(events)]
    pub(crate) events: Vec<Value>,
}

/// What became of the events.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct BulkStored {
    /// How many events were stored by this request.
    pub(crate) stored: usize,
    /// The outcome of each event, in the order of the request.
    pub(crate) events: Vec<EventOutcome>,
}

/// What became of one event.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct EventOutcome {
    /// `stored`, `duplicate` if an event with the same id was stored before, or `rejected`.
    #[example("stored")]
    pub(crate) outcome: &'static str,
    /// Null if the event was rejected.
    pub(crate) event_id: Option<Uuid>,
    /// Why the event was rejected.
    pub(crate) errors: Vec<FieldError>,
}

impl EventOutcome {
    pub(crate) fn stored(event_id: Uuid, is_new: bool) -> Self {
        Self {
            outcome: if is_new { "stored" } else { "duplicate" },
            event_id: Some(event_id),
            errors: Vec::new(),
        }
    }

    pub(crate) fn rejected(errors: Vec<FieldError>) -> Self {
        Self {
            outcome: "rejected",
            event_id: None,
            errors,
        }
    }
}

/// Reads one event of a bulk.
pub(crate) fn read_event(event: Value) -> Result<NewEvent, Vec<FieldError>> {
    read(event).map_err(Problem::into_errors)
}

fn events() -> impl Rule<Output = Vec<Value>> {
    let schema = || {
        let mut event = Properties::default();
        NewEvent::describe(&mut event);
        let event = event.into_schema();
        json!({"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "items": event})
    };
    rule(schema, |value| match value {
        Value::Array(events) if events.is_empty() => {
            Err(Violation::new("too_short", "must have at least 1 event"))
        }
        Value::Array(events) if events.len() > MAX_EVENTS => {
            let limit = rules::counted(MAX_EVENTS, "event");
            let message = format!("must have at most {limit}");
            Err(Violation::new("too_long", message))
        }
        Value::Array(events) => Ok(events),
        _ => Err(Violation::new("type", "has to be an array")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_has_1_to_100_events() {
        let bulk = |events: usize| read::<Bulk>(json!({"events": vec![json!({}); events]}));
        assert!(bulk(1).is_ok() && bulk(MAX_EVENTS).is_ok());
        assert!(bulk(0).is_err() && bulk(MAX_EVENTS + 1).is_err());
        assert!(read::<Bulk>(json!({"events": {}})).is_err());
    }

    #[test]
    fn an_invalid_event_names_its_fields() {
        let errors = read_event(json!({"event_type": "nap", "event_name": "x"})).unwrap_err();
        assert_eq!(errors[0].pointer, "/event_type");
        assert_eq!(read_event(json!(1)).unwrap_err()[0].pointer, "");
    }
}
