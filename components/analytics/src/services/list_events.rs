//! A person's events, newest first.

use serde_json::{Map, Value, json};
use service_kit::Result;
use service_kit::adapter::documents::{self, Direction, Query};
use service_kit::page::Page;
use service_kit::problem::{Problem, kinds};

use super::EVENTS;
use crate::schemas::{Event, EventSearch};

/// Most bytes of events on a page, as JSON: an answer may have to be sealed, which ends at 1 MiB,
/// and an instance holds sixteen of them at once. A page that has more ends early.
const MAX_PAGE_BYTES: usize = 512 * 1024;

/// The events about `subject` that a search finds, a page of them.
pub(crate) async fn list_events(subject: &str, search: EventSearch) -> Result<Page<Event>> {
    if search
        .user_id
        .as_deref()
        .is_some_and(|user| user != subject)
    {
        let detail = "An access token's holder may see events about itself only.";
        return Err(Problem::new(&kinds::FORBIDDEN, detail));
    }
    let query = Query {
        filter: filter(subject, &search).to_string(),
        sort: vec![("timestamp".to_owned(), Direction::Descending)],
        skip: 0,
        limit: search.page.fetch(),
    };
    let found = documents::find(EVENTS.to_owned(), query).await?;
    let fitting = fitting(&found);
    let events = found.iter().take(fitting).map(|text| {
        serde_json::from_str(text)
            .map_err(|error| Problem::internal(format!("reading an event: {error}")))
    });
    let events = events.collect::<Result<Vec<Event>>>()?;
    Ok(if fitting < found.len() {
        search.page.cut_short(events, Event::place)
    } else {
        search.page.page(events, Event::place)
    })
}

fn filter(subject: &str, search: &EventSearch) -> Value {
    let mut filter = Map::new();
    filter.insert("user_id".to_owned(), subject.into());
    if let Some(event_type) = search.event_type {
        filter.insert("event_type".to_owned(), event_type.into());
    }
    if let Some(period) = search.period.condition() {
        filter.insert("timestamp".to_owned(), period);
    }
    let after = search.page.after.map(|cursor| cursor.filter("timestamp"));
    match after {
        Some(after) => json!({"$and": [filter, after]}),
        None => Value::Object(filter),
    }
}

/// How many of the events fit onto a page: one in any case, since none is larger than a page.
fn fitting(events: &[String]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&String| {
        bytes += event.len();
        bytes <= MAX_PAGE_BYTES
    };
    events.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(filter("ada", &search), expected);
    }

    #[test]
    fn a_page_has_room_for_so_many_bytes() {
        let events = |count: usize, bytes: usize| vec!["x".repeat(bytes); count];
        assert_eq!(fitting(&events(3, 10)), 3);
        assert_eq!(fitting(&events(3, MAX_PAGE_BYTES / 2)), 2);
        assert_eq!(fitting(&events(2, MAX_PAGE_BYTES + 1)), 1);
    }
}
