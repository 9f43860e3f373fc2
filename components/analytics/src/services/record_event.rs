//! A new event.

use serde_json::{Value, json};
use service_kit::adapter::documents::{self, InsertOutcome};
use service_kit::problem::{Problem, kinds};
use service_kit::{Caller, Result};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::EVENTS;
use crate::schemas::{NewEvent, Stored};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Documents keep milliseconds.
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Store an event, unless one with its id is there already.
///
/// The id is the event's own, else the request's idempotency key, else a new one.
pub(crate) async fn record_event(
    caller: Caller,
    key: Option<Uuid>,
    event: NewEvent,
) -> Result<Stored> {
    let id = event.event_id.or(key).unwrap_or_else(Uuid::now_v7);
    let event_id = id.to_string();
    let document = document(&event_id, caller, event)?.to_string();
    let outcomes = documents::insert(EVENTS.to_owned(), vec![document]).await?;
    let stored = outcomes.first() == Some(&InsertOutcome::Inserted);
    Ok(Stored { event_id, stored })
}

/// `day` is kept beside the timestamp because counting is by whole fields only.
fn document(event_id: &str, caller: Caller, event: NewEvent) -> Result<Value> {
    let (source, user_id) = attribute(caller, event.user_id)?;
    let moment = event.timestamp.unwrap_or_else(OffsetDateTime::now_utc);
    let moment = moment.to_offset(UtcOffset::UTC);
    let text = |format| {
        moment
            .format(format)
            .map_err(|error| Problem::internal(format!("writing an event's timestamp: {error}")))
    };
    Ok(json!({
        "_id": event_id,
        "event_type": event.event_type,
        "event_name": event.event_name,
        "user_id": user_id,
        "properties": event.properties,
        "timestamp": {"$date": text(MOMENT)?},
        "day": text(DAY)?,
        "source": source,
    }))
}

/// Where the event comes from, and about whom it is: people write about themselves only.
fn attribute(caller: Caller, user_id: Option<String>) -> Result<(String, Option<String>)> {
    match caller {
        Caller::Service(name) => Ok((name, user_id)),
        Caller::User(subject) => match user_id {
            Some(user_id) if user_id != subject => {
                let detail = "An access token's holder may write events about itself only.";
                Err(Problem::new(&kinds::FORBIDDEN, detail))
            }
            _ => Ok(("bearer".to_owned(), Some(subject))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn event(user_id: Option<&str>) -> NewEvent {
        NewEvent {
            event_id: None,
            event_type: "search",
            event_name: "books".to_owned(),
            user_id: user_id.map(str::to_owned),
            timestamp: Some(datetime!(2026-02-01 01:00:00.1234 +02:00)),
            properties: json!({"q": 1}),
        }
    }

    #[test]
    fn a_document_says_when_in_utc() {
        let caller = Caller::Service("user".to_owned());
        let document = document("id", caller, event(None)).unwrap();
        let expected = json!({
            "_id": "id", "event_type": "search", "event_name": "books", "user_id": null,
            "properties": {"q": 1}, "timestamp": {"$date": "2026-01-31T23:00:00.123Z"},
            "day": "2026-01-31", "source": "user",
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn people_write_about_themselves_and_services_about_anybody() {
        let ada = || Caller::User("ada".to_owned());
        let own = document("id", ada(), event(None)).unwrap();
        assert_eq!(
            (&own["user_id"], &own["source"]),
            (&json!("ada"), &json!("bearer"))
        );
        assert!(document("id", ada(), event(Some("ada"))).is_ok());
        assert_eq!(
            document("id", ada(), event(Some("bob")))
                .unwrap_err()
                .status(),
            403
        );
        let service = Caller::Service("user".to_owned());
        let document = document("id", service, event(Some("bob"))).unwrap();
        assert_eq!(document["user_id"], "bob");
    }
}
