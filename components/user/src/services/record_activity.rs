//! Something that a user did, on its way into the documents.
//!
//! Where it is part of a transaction, it travels as a message to this service itself, committed with
//! what it is about: a document store that is down delays it and fails nothing.

use serde_json::{Value, json};
use service_kit::adapter::documents;
use service_kit::adapter::postgres::Message;
use service_kit::{Problem, Result, background, clock, extended_json};

use super::ACTIVITIES;
use crate::schemas::NewActivity;

/// The route that [`message`] is delivered to.
pub(crate) const ACTIVITIES_PATH: &str = "/api/v1/users/activities";

/// Store an activity, unless it is there already.
pub(crate) async fn record_activity(activity: NewActivity) -> Result<()> {
    let document = document(&activity).to_string();
    documents::insert(ACTIVITIES.to_owned(), vec![document]).await?;
    Ok(())
}

/// The message that has an activity recorded once the transaction that it is written in is
/// committed.
pub(super) fn message(activity: &NewActivity) -> Message {
    Message {
        peer: "user".to_owned(),
        path: ACTIVITIES_PATH.to_owned(),
        body: activity.to_json().to_string(),
        idempotency_key: activity.id.to_string(),
    }
}

/// Record an activity that is part of no transaction. The answer does not wait, so that it neither
/// fails with the document store nor tells by its time that there was something to record.
pub(super) fn record_later(activity: NewActivity) {
    background(async move {
        let (action, user_id) = (activity.action, activity.user_id.clone());
        if let Err(problem) = record_activity(activity).await {
            let reason: Problem = problem;
            tracing::error!(user_id, "did not record the activity `{action}`: {reason}");
        }
    });
}

/// `day` is kept beside the time because counting is by whole fields only.
fn document(activity: &NewActivity) -> Value {
    json!({
        "_id": activity.id,
        "user_id": activity.user_id,
        "action": activity.action,
        "at": extended_json::date(activity.at),
        "day": clock::day(activity.at),
        "session_id": activity.session_id,
        "address": activity.client.address,
        "user_agent": activity.client.user_agent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas::LOGGED_IN;
    use service_kit::Client;

    #[test]
    fn an_activity_and_its_delivery_share_an_id() {
        let activity = NewActivity::now(LOGGED_IN, "u1", Some("s1"), &Client::default());
        let message = message(&activity);
        let document = document(&activity);
        assert_eq!(document["_id"], message.idempotency_key);
        assert_eq!(document["session_id"], "s1");
        let at = document["at"]["$date"].as_str().unwrap();
        assert!(
            at.starts_with(document["day"].as_str().unwrap()),
            "{document}"
        );
    }
}
