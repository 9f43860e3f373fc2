//! Events that are sent with an idempotency key.
//!
//! The key decides the event's id, so the store keeps repetitions out. A digest of the request is stored with the
//! event, in the same insert. It tells a repetition from another request with the same key, for as long as the
//! event is kept.

use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::collection::filter::eq;
use service_kit::{Caller, extended_json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use super::EVENTS;
use super::document::Document;
use crate::error::{Error, Result};
use crate::schemas::{NewEvent, Stored};

#[derive(Deserialize)]
struct Kept {
    /// Missing if the event was stored without a key, or by an earlier version.
    request: Option<String>,
}

/// Returns the id of an event that is sent with `key`. An event with an id of its own is known by that, so its key
/// must be the same. Our services' messages are like this. Other keys belong to their caller.
pub(super) fn event_id(caller: &Caller, key: &str, event: &NewEvent) -> Result<Uuid> {
    match event.event_id {
        Some(id) if Uuid::parse_str(key) == Ok(id) => Ok(id),
        Some(_) => Err(Error::KeyIsNotTheId),
        None => {
            let (kind, name) = match caller {
                Caller::Service(name) => ("service", name),
                Caller::User(subject) => ("user", subject),
            };
            let bytes = digest(&json!([kind, name, key]));
            Ok(Builder::from_custom_bytes(bytes).into_uuid())
        }
    }
}

/// Returns the digest of the request for an event's document. `timestamp` is the one of the request: without it,
/// each repetition has another time.
pub(super) fn request_digest(document: &Document, timestamp: Option<OffsetDateTime>) -> String {
    let request = json!([
        document.source,
        document.user_id,
        document.event_type,
        document.event_name,
        document.properties,
        timestamp.map(extended_json::date),
    ]);
    Uuid::from_bytes(digest(&request)).simple().to_string()
}

/// Returns the answer to a request whose event exists.
///
/// # Errors
/// [`Error::KeyReused`] if the event was stored by another request. [`Error::RequestInProgress`] if the event
/// cannot be read yet.
pub(super) async fn answer(event_id: Uuid, digest: &str) -> Result<Stored> {
    let events = EVENTS.read_as::<Kept>();
    let kept = events.find(eq("_id", event_id)).fetch_optional().await?;
    let kept = kept.ok_or(Error::RequestInProgress)?;
    match kept.request {
        Some(request) if request != digest => Err(Error::KeyReused),
        request => Ok(Stored {
            event_id,
            stored: request.is_some(),
        }),
    }
}

/// 128 bits are enough: who finds two requests with one digest has confused only his own requests.
fn digest(value: &Value) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(value.to_string()).into();
    std::array::from_fn(|index| hash.get(index).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::record_event::document;
    use service_kit::input::read;
    use time::Duration;

    const UNIX_EPOCH: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn event(id: Option<Uuid>) -> NewEvent {
        let event = json!({"event_id": id, "event_type": "search", "event_name": "x"});
        read(event).unwrap()
    }

    #[test]
    fn a_key_belongs_to_its_caller() {
        let callers = [
            Caller::User("a".to_owned()),
            Caller::User("b".to_owned()),
            Caller::Service("a".to_owned()),
        ];
        let ids = callers.map(|caller| event_id(&caller, "k", &event(None)).unwrap());
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        let again = event_id(&Caller::User("a".to_owned()), "k", &event(None));
        assert_eq!(again, Ok(ids[0]));
    }

    #[test]
    fn an_event_is_known_by_its_own_id() {
        let (caller, id) = (Caller::Service("user".to_owned()), Uuid::from_u128(1));
        let identified = |key: &str| event_id(&caller, key, &event(Some(id)));
        assert_eq!(identified(&id.to_string()), Ok(id));
        assert_eq!(identified("k"), Err(Error::KeyIsNotTheId));
    }

    #[test]
    fn a_digest_is_that_of_the_request() {
        let of = |name: &str, received_at, timestamp| {
            let mut event = event(None);
            event.event_name = name.to_owned();
            let caller = Caller::Service("user".to_owned());
            let document = document(Uuid::nil(), &caller, event, received_at).unwrap();
            request_digest(&document, timestamp)
        };
        let (first, later) = (UNIX_EPOCH, UNIX_EPOCH + Duration::SECOND);
        assert_eq!(of("x", first, None), of("x", later, None));
        assert_ne!(of("x", first, None), of("y", first, None));
        assert_ne!(of("x", first, None), of("x", first, Some(first)));
        // Kept digests are compared with those of later versions.
        assert_eq!(of("x", first, None), "06f81682e7e234a355031363891fe98c");
    }
}
