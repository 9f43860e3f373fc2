//! Records an event.

use serde_json::json;
use service_kit::Caller;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::document::{Document, Origin, Times};
use super::{EVENTS, event_key};
use crate::error::{Error, Result};
use crate::schemas::{NewEvent, Stored};
use crate::summaries;

/// How far the clock of a sender may be ahead of ours.
const MAX_AHEAD: Duration = Duration::minutes(5);

/// The source of an event that a user sent.
pub(super) const BY_USER: &str = "bearer";

/// Stores an event, unless an event with the same id is stored already.
///
/// The id is the event's own. If it has none, it comes from the request's idempotency key, or else is a new one. A
/// repetition with the same key gets the answer of the first request.
pub(crate) async fn record_event(
    caller: Caller,
    key: Option<&str>,
    event: NewEvent,
) -> Result<Stored> {
    let event_id = match key {
        Some(key) => event_key::event_id(&caller, key, &event)?,
        None => event.event_id.unwrap_or_else(Uuid::now_v7),
    };
    let (received_at, timestamp) = (OffsetDateTime::now_utc(), event.timestamp);
    let mut document = document(event_id, &caller, event, received_at)?;
    document.request = key.map(|_| event_key::request_digest(&document, timestamp));
    let stored = match (&caller, key) {
        (Caller::User(_), Some(_)) => EVENTS
            .insert_unless_in_progress(&document)
            .await?
            .ok_or(Error::RequestInProgress)?,
        // Messages of services are many, and written together. A repeated one waits for the first.
        _ => EVENTS.insert(&document).await?,
    };
    summaries::advance_now_and_then();
    match document.request {
        Some(digest) if !stored => event_key::answer(event_id, &digest).await,
        _ => Ok(Stored { event_id, stored }),
    }
}

/// Returns the document of an event.
pub(super) fn document(
    event_id: Uuid,
    caller: &Caller,
    mut event: NewEvent,
    received_at: OffsetDateTime,
) -> Result<Document> {
    let origin = attribute(caller, event.user_id.take())?;
    let timestamp = moment(caller, event.timestamp, received_at)?;
    let times = Times {
        timestamp,
        received_at,
    };
    Ok(Document::new(event_id, event, origin, times))
}

/// Returns when the event happened. A client may correct a clock that is ahead. An event of a service has happened
/// for certain, and rejecting it would lose it.
fn moment(
    caller: &Caller,
    timestamp: Option<OffsetDateTime>,
    received_at: OffsetDateTime,
) -> Result<OffsetDateTime> {
    let moment = timestamp.unwrap_or(received_at);
    if is_acceptable(moment, received_at) {
        return Ok(moment);
    }
    match caller {
        Caller::Service(_) => Ok(received_at),
        Caller::User(_) => Err(Error::TooFarAhead),
    }
}

/// Whether an event may have happened at `moment`, according to its sender.
pub(super) fn is_acceptable(moment: OffsetDateTime, received_at: OffsetDateTime) -> bool {
    moment <= received_at + MAX_AHEAD
}

/// Users may write only events about themselves.
fn attribute(caller: &Caller, user_id: Option<String>) -> Result<Origin> {
    match caller {
        Caller::Service(name) => Ok(Origin {
            source: name.clone(),
            user_id: json!(user_id),
        }),
        Caller::User(subject) => match user_id {
            Some(user_id) if user_id != *subject => Err(Error::WritesEventsOfOthers),
            _ => Ok(Origin {
                source: BY_USER.to_owned(),
                user_id: json!(subject),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const ID: Uuid = Uuid::nil();

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
    fn a_document_has_its_times_in_utc() {
        let caller = Caller::Service("user".to_owned());
        let received = datetime!(2026-02-01 00:00:01 UTC);
        let document = document(ID, &caller, event(None), received).unwrap();
        let document = serde_json::to_value(document).unwrap();
        let expected = json!({
            "_id": ID, "event_type": "search", "event_name": "books", "user_id": null,
            "properties": {"q": 1}, "timestamp": {"$date": "2026-01-31T23:00:00.123Z"},
            "received_at": {"$date": "2026-02-01T00:00:01.000Z"},
            "bucket": "2026-01-31 search", "source": "user", "position": {"$position": true},
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn only_services_are_believed_although_their_clock_is_ahead() {
        let now = OffsetDateTime::now_utc();
        let moment = |caller: &Caller, ahead| moment(caller, Some(now + ahead), now);
        let (ada, user) = (
            Caller::User("ada".to_owned()),
            Caller::Service("user".to_owned()),
        );
        let (little, far) = (MAX_AHEAD, MAX_AHEAD + Duration::SECOND);
        assert_eq!(moment(&ada, little), Ok(now + little));
        assert_eq!(moment(&ada, far), Err(Error::TooFarAhead));
        assert_eq!(moment(&user, far), Ok(now));
    }

    #[test]
    fn people_write_about_themselves_and_services_about_all() {
        let ada = Caller::User("ada".to_owned());
        let now = OffsetDateTime::now_utc();
        let own = document(ID, &ada, event(None), now).unwrap();
        assert_eq!((&own.user_id, &*own.source), (&json!("ada"), "bearer"));
        assert!(document(ID, &ada, event(Some("ada")), now).is_ok());
        let others = document(ID, &ada, event(Some("bob")), now);
        assert_eq!(others, Err(Error::WritesEventsOfOthers));
        let service = Caller::Service("user".to_owned());
        let document = document(ID, &service, event(Some("bob")), now).unwrap();
        assert_eq!(document.user_id, "bob");
    }
}
