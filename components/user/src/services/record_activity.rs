//! Records the activities of users.
//!
//! An activity that belongs to a transaction is sent as a message to this service itself, which is
//! committed together with the change. If the document store is down, only the activity is delayed.

use serde_json::{Value, json};
use service_kit::retention::{self, Looked};
use service_kit::sql::{Message, message};
use service_kit::{Failure, background, clock, extended_json};

use super::{ACTIVITIES, activity_counts};
use crate::error::Result;
use crate::schemas::NewActivity;

/// The route that [`activity_message`] is delivered to.
pub(crate) const ACTIVITIES_PATH: &str = "/api/v1/users/activities";

/// Stores an activity, unless it is stored already. Now and then it also removes some that are older than
/// `activities_max_age_days`, after the answer.
pub(crate) async fn record_activity(activity: NewActivity) -> Result<()> {
    ACTIVITIES.insert(&document(&activity)).await?;
    activity_counts::forget_if_kept(activity.user_id, activity.at).await?;
    if LOOKED.with(Looked::is_due) {
        background(remove_old());
    }
    Ok(())
}

thread_local! {
    static LOOKED: Looked = const { Looked::never() };
}

async fn remove_old() {
    let Some(cutoff) = retention::cutoff("activities_max_age_days").await else {
        return;
    };
    match retention::remove_before(&ACTIVITIES, "at", cutoff).await {
        Ok(true) => LOOKED.with(Looked::look_again),
        Ok(false) => {}
        Err(error) => tracing::warn!("old activities could not be removed: {error}"),
    }
}

/// Creates the message that records an activity after the transaction that sends it.
pub(super) fn activity_message(activity: &NewActivity) -> Result<Message, Failure> {
    message("user", ACTIVITIES_PATH, activity.id, activity)
}

/// Records an activity that does not belong to a transaction. The answer does not wait for it. It
/// therefore does not depend on the document store, and its timing does not reveal whether an
/// activity is recorded.
pub(super) fn record_later(activity: NewActivity) {
    background(async move {
        let (action, user_id) = (activity.action, activity.user_id);
        if let Err(error) = record_activity(activity).await {
            tracing::error!(%user_id, "did not record the activity `{action}`: {error:?}");
        }
    });
}

/// `day` repeats part of `at`, because documents can be counted only by a whole field.
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
    use uuid::Uuid;

    #[test]
    fn an_activity_and_its_message_share_an_id() {
        let session = Uuid::from_u128(1);
        let activity = NewActivity::now(LOGGED_IN, Uuid::nil(), Some(session), &Client::default());
        let message = activity_message(&activity).unwrap();
        let document = document(&activity);
        assert_eq!(document["_id"], message.idempotency_key);
        assert_eq!(document["session_id"], session.to_string());
        let at = document["at"]["$date"].as_str().unwrap();
        assert!(
            at.starts_with(document["day"].as_str().unwrap()),
            "{document}"
        );
    }
}
