//! Records an event.

use serde_json::{Value, json};
use service_kit::{Caller, clock, collection, extended_json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{EVENTS, event_key};
use crate::error::{Error, Result};
use crate::schemas::{NewEvent, Stored};
use crate::summaries;

/// How far the clock of a sender may be ahead of ours.
const MAX_AHEAD: Duration = Duration::minutes(5);

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
    let digest = key.map(|_| event_key::request_digest(&document, timestamp));
    if let (Some(digest), Some(fields)) = (&digest, document.as_object_mut()) {
        fields.insert(event_key::DIGEST.to_owned(), json!(digest));
    }
    let stored = match (&caller, key) {
        (Caller::User(_), Some(_)) => EVENTS
            .insert_unless_in_progress(&document)
            .await?
            .ok_or(Error::RequestInProgress)?,
        // Messages of services are many, and written together. A repeated one waits for the first.
        _ => EVENTS.insert(&document).await?,
    };
    summaries::advance_now_and_then();
    match digest {
        Some(digest) if !stored => event_key::answer(event_id, &digest).await,
        _ => Ok(Stored { event_id, stored }),
    }
}

/// `bucket` joins day and type, because documents can be counted by only one field. `position` separates
/// new events from counted ones, regardless of all clocks. `received_at` is this service's time.
pub(super) fn document(
    event_id: Uuid,
    caller: &Caller,
    event: NewEvent,
    received_at: OffsetDateTime,
) -> Result<Value> {
    let (source, user_id) = attribute(caller, event.user_id)?;
    let moment = moment(caller, event.timestamp, received_at)?;
    Ok(json!({
        "_id": event_id,
        "event_type": event.event_type,
        "event_name": event.event_name,
        "user_id": user_id,
        "properties": event.properties,
        "timestamp": extended_json::date(moment),
        "received_at": extended_json::date(received_at),
        "bucket": summaries::bucket(&clock::day(moment), event.event_type),
        "source": source,
        "position": collection::position(),
    }))
}

/// Returns when the event happened. A client may correct a clock that is ahead. An event of a service has happened
/// for certain, and rejecting it would lose it.
fn moment(
    caller: &Caller,
    timestamp: Option<OffsetDateTime>,
    received_at: OffsetDateTime,
) -> Result<OffsetDateTime> {
    let moment = timestamp.unwrap_or(received_at);
    if moment <= received_at + MAX_AHEAD {
        return Ok(moment);
    }
    match caller {
        Caller::Service(_) => Ok(received_at),
        Caller::User(_) => Err(Error::TooFarAhead),
    }
}

/// Returns the source of the event, and the user it is about. Users may write only events about
/// themselves.
fn attribute(caller: &Caller, user_id: Option<String>) -> Result<(String, Option<String>)> {
    match caller {
        Caller::Service(name) => Ok((name.clone(), user_id)),
        Caller::User(subject) => match user_id {
            Some(user_id) if user_id != *subject => Err(Error::WritesEventsOfOthers),
            _ => Ok(("bearer".to_owned(), Some(subject.clone()))),
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
        assert_eq!(
            (&own["user_id"], &own["source"]),
            (&json!("ada"), &json!("bearer"))
        );
        assert!(document(ID, &ada, event(Some("ada")), now).is_ok());
        let others = document(ID, &ada, event(Some("bob")), now);
        assert_eq!(others, Err(Error::WritesEventsOfOthers));
        let service = Caller::Service("user".to_owned());
        let document = document(ID, &service, event(Some("bob")), now).unwrap();
        assert_eq!(document["user_id"], "bob");
    }
}
