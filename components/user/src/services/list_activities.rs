//! The activities of a user, newest first.

use service_kit::collection::filter::{Filter, eq};
use service_kit::page::Page;
use uuid::Uuid;

use super::ACTIVITIES;
use crate::error::Result;
use crate::schemas::{Activity, ActivityQuery};

/// Returns one page of the activities of a user.
pub(crate) async fn list_activities(user_id: Uuid, query: ActivityQuery) -> Result<Page<Activity>> {
    let found = ACTIVITIES.find(filter(user_id, &query));
    Ok(found.fetch_page("at", &query.page).await?)
}

fn filter(user_id: Uuid, query: &ActivityQuery) -> Filter {
    eq("user_id", user_id)
        .and_maybe(query.action.map(|action| eq("action", action)))
        .and_maybe(query.period.filter("at"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use service_kit::input::read;

    fn filter_for(parameters: Value) -> Value {
        let filter = filter(Uuid::nil(), &read(parameters).unwrap());
        serde_json::from_str(&filter.to_string()).unwrap()
    }

    #[test]
    fn the_filter_always_names_the_user() {
        let user = Uuid::nil();
        assert_eq!(filter_for(json!({})), json!({"user_id": user}));
        let asked = json!({"action": "logged_in", "from": "2026-01-31T12:00:00Z"});
        let expected = json!({
            "user_id": user, "action": "logged_in",
            "at": {"$gte": {"$date": "2026-01-31T12:00:00.000Z"}},
        });
        assert_eq!(filter_for(asked), expected);
    }
}
