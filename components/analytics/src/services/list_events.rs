//! The events about a user, newest first.

use service_kit::collection::filter::{Filter, eq};
use service_kit::page::Page;

use super::EVENTS;
use crate::error::{Error, Result};
use crate::schemas::{Event, EventSearch};

/// Returns one page of the events about `subject` that match the search.
pub(crate) async fn list_events(subject: &str, search: EventSearch) -> Result<Page<Event>> {
    if search.user_id.as_ref().is_some_and(|user| user != subject) {
        return Err(Error::ReadsEventsOfOthers);
    }
    let found = EVENTS.find(filter(subject, &search));
    Ok(found.fetch_page("timestamp", &search.page).await?)
}

fn filter(subject: &str, search: &EventSearch) -> Filter {
    eq("user_id", subject)
        .and_maybe(search.event_type.map(|kind| eq("event_type", kind)))
        .and_maybe(search.period.filter("timestamp"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use service_kit::input::read;

    #[test]
    fn every_condition_is_in_the_filter() {
        let search: EventSearch = read(json!({
            "event_type": "search", "from": "2026-01-01T00:00:00Z", "limit": "5",
        }))
        .unwrap();
        let expected = json!({
            "user_id": "ada", "event_type": "search",
            "timestamp": {"$gte": {"$date": "2026-01-01T00:00:00.000Z"}},
        });
        let filter = filter("ada", &search).to_string();
        assert_eq!(serde_json::from_str::<Value>(&filter).unwrap(), expected);
    }
}
