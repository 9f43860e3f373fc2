//! Records several events.

use serde_json::Value;
use service_kit::problem::FieldError;
use service_kit::{Caller, Uuid};
use time::OffsetDateTime;

use super::EVENTS;
use super::document::Document;
use super::record_event::document;
use crate::error::{Error, Result, too_far_ahead};
use crate::schemas::{Bulk, BulkStored, EventOutcome, read_event};
use crate::summaries;

/// Stores the valid events, together, except those whose ids are stored already.
pub(crate) async fn record_events(caller: Caller, bulk: Bulk) -> Result<BulkStored> {
    let received_at = OffsetDateTime::now_utc();
    let checked: Vec<_> = bulk
        .events
        .into_iter()
        .map(|event| check(&caller, event, received_at))
        .collect();
    let documents: Vec<&Document> = checked.iter().flatten().collect();
    let stored = if documents.is_empty() {
        Vec::new()
    } else {
        EVENTS.insert_each(&documents).await?
    };
    summaries::advance_now_and_then();
    Ok(report(checked, stored))
}

/// An event's document, or why it is rejected.
type Checked = Result<Document, Vec<FieldError>>;

fn check(caller: &Caller, event: Value, received_at: OffsetDateTime) -> Checked {
    let event = read_event(event)?;
    let event_id = event.event_id.unwrap_or_else(Uuid::now_v7);
    document(event_id, caller, event, received_at).map_err(|error| {
        if error == Error::TooFarAhead {
            return vec![too_far_ahead()];
        }
        let Error::WritesEventsOfOthers = error else {
            return Vec::new();
        };
        vec![FieldError {
            pointer: "/user_id".to_owned(),
            message: "`/user_id` must be your own.".to_owned(),
            code: "forbidden",
        }]
    })
}

/// Joins the outcomes of the store with the events that never reached it.
fn report(checked: Vec<Checked>, stored: Vec<bool>) -> BulkStored {
    let count = stored.iter().filter(|is_new| **is_new).count();
    let mut stored = stored.into_iter();
    let outcome = |event: Checked| match event {
        Ok(document) => EventOutcome::stored(document.event_id, stored.next().unwrap_or_default()),
        Err(errors) => EventOutcome::rejected(errors),
    };
    BulkStored {
        stored: count,
        events: checked.into_iter().map(outcome).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_event_has_its_own_outcome() {
        let (ada, now) = (Caller::User("ada".to_owned()), OffsetDateTime::now_utc());
        let event =
            |user: &str| json!({"event_type": "search", "event_name": "x", "user_id": user});
        let events = [event("ada"), event("bob"), json!({}), event("ada")];
        let checked = events.map(|event| check(&ada, event, now)).into();
        let report = report(checked, vec![true, false]);
        let outcomes: Vec<_> = report.events.iter().map(|event| event.outcome).collect();
        assert_eq!(outcomes, ["stored", "rejected", "rejected", "duplicate"]);
        assert_eq!(report.stored, 1);
        assert_eq!(report.events[1].errors[0].pointer, "/user_id");
        assert_eq!(report.events[2].errors.len(), 2);
    }
}
