//! The user counts of the user service.

use std::convert::Infallible;

use serde_json::Value;
use service_kit::{Failure, Shared, peers};

thread_local! {
    static COUNTS: Shared<Option<Value>, Infallible> = const { Shared::new() };
}

/// Short, because statistics without user counts are better than slow statistics.
const DEADLINE_MILLISECONDS: u32 = 1000;

/// Returns the counts of the user service, up to a second old, or `None` if it does not answer.
pub(super) async fn recent_user_counts() -> Option<Value> {
    let Ok(reading) = Shared::read(&COUNTS, async || Ok(count_users().await)).await;
    Option::clone(&reading.value)
}

/// Returns the counts of the user service, or `None` if it does not answer.
pub(super) async fn count_users() -> Option<Value> {
    let answer = peers::get("user", "/api/v1/users/stats/count", DEADLINE_MILLISECONDS).await;
    match answer {
        Ok(answer) if answer.status == 200 => data(&answer.body),
        Ok(answer) => {
            let status = answer.status;
            tracing::warn!(status, "the user service gave no user counts");
            None
        }
        Err(error) => {
            let reason = Failure::from(error);
            tracing::warn!("the user service gave no user counts: {reason}");
            None
        }
    }
}

fn data(body: &str) -> Option<Value> {
    let mut answer: Value = serde_json::from_str(body).ok()?;
    answer.get_mut("data").map(Value::take)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_counts_are_the_data_of_the_answer() {
        let body = r#"{"success": true, "message": "", "data": {"total_users": 2}}"#;
        assert_eq!(data(body), Some(json!({"total_users": 2})));
        assert_eq!(data("<html>"), None);
        assert_eq!(data("{}"), None);
    }
}
