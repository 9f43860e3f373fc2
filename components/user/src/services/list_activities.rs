//! What a user did, newest first.

use serde_json::{Map, Value, json};
use service_kit::adapter::documents::{self, Direction, Query};
use service_kit::page::{Cursor, Page};
use service_kit::{Problem, Result, clock, extended_json};
use uuid::Uuid;

use super::ACTIVITIES;
use crate::schemas::{Activity, ActivityQuery};

/// One page of the activities of a user.
pub(crate) async fn list_activities(
    user_id: String,
    query: ActivityQuery,
) -> Result<Page<Activity>> {
    let found = documents::find(
        ACTIVITIES.to_owned(),
        Query {
            filter: filter(&user_id, &query).to_string(),
            sort: vec![("at".to_owned(), Direction::Descending)],
            skip: 0,
            limit: query.page.fetch(),
        },
    )
    .await?;
    let activities = found
        .iter()
        .map(|document| read(document).ok_or_else(unreadable))
        .collect::<Result<Vec<_>>>()?;
    let page = query.page.page(activities, |(place, _)| *place);
    Ok(page.map(|(_, activity)| activity))
}

fn filter(user_id: &str, query: &ActivityQuery) -> Value {
    let mut filter = Map::from_iter([("user_id".to_owned(), json!(user_id))]);
    if let Some(action) = query.action {
        filter.insert("action".to_owned(), json!(action));
    }
    if let Some(period) = query.period.condition() {
        filter.insert("at".to_owned(), period);
    }
    if let Some(place) = query.page.after {
        filter.insert("$and".to_owned(), json!([place.filter("at")]));
    }
    Value::Object(filter)
}

fn read(document: &str) -> Option<(Cursor, Activity)> {
    let document: Value = serde_json::from_str(document).ok()?;
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let at = extended_json::read_date(document.get("at")?)?;
    let id = Uuid::parse_str(&text("_id")?).ok()?;
    let activity = Activity {
        id,
        action: text("action")?,
        at: clock::format(at),
        session_id: text("session_id"),
        address: text("address"),
        user_agent: text("user_agent"),
    };
    Some((Cursor { at, id }, activity))
}

fn unreadable() -> Problem {
    Problem::internal("reading an activity: it is not as this service stores them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::input::read as read_input;

    #[test]
    fn a_filter_has_what_was_asked_for_and_always_the_user() {
        let query: ActivityQuery = read_input(json!({})).unwrap();
        assert_eq!(filter("u1", &query), json!({"user_id": "u1"}));
        let asked = json!({"action": "logged_in", "from": "2026-01-31T12:00:00Z"});
        let query: ActivityQuery = read_input(asked).unwrap();
        let expected = json!({
            "user_id": "u1", "action": "logged_in",
            "at": {"$gte": {"$date": "2026-01-31T12:00:00.000Z"}},
        });
        assert_eq!(filter("u1", &query), expected);
    }

    #[test]
    fn a_document_is_read_or_is_none() {
        let id = "018f4e9a-7b1c-7def-8000-000000000001";
        let at = "2026-01-31T12:00:00.000Z";
        let document =
            json!({"_id": id, "action": "logged_in", "at": {"$date": at}, "address": null});
        let (place, activity) = read(&document.to_string()).unwrap();
        assert_eq!((place.id, activity.id), (activity.id, place.id));
        assert_eq!(activity.at, "2026-01-31T12:00:00.000000Z");
        assert_eq!(activity.address, None);
        assert!(read("{}").is_none());
    }
}
