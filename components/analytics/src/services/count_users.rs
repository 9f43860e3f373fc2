//! The user counts of the user service.

use std::time::Duration;

use serde_json::Value;
use service_kit::{Failure, Shared, peers, time_left};

thread_local! {
    static COUNTS: Shared<Option<Value>, Failure> = const { Shared::new() };
}

/// Short, because statistics without user counts are better than slow statistics.
const DEADLINE: Duration = Duration::from_secs(1);

/// Returns the counts of the user service, up to a second old, or `None` if it does not answer.
pub(super) async fn recent_user_counts() -> Option<Value> {
    let reading = Shared::read(&COUNTS, count_users).await.ok()?;
    Option::clone(&reading.value)
}

/// Returns the counts of the user service, or `None` if it does not answer.
///
/// # Errors
/// If it does not answer in the time that the caller of this request gives. Other requests share the counts, and their
/// callers may give more.
pub(super) async fn count_users() -> Result<Option<Value>, Failure> {
    let is_cut_short = time_left().is_some_and(|left| left < DEADLINE);
    let milliseconds = u32::try_from(DEADLINE.as_millis()).unwrap_or(u32::MAX);
    match peers::get("user", "/api/v1/users/stats/count", milliseconds).await {
        Ok(answer) if answer.status == 200 => Ok(data(&answer.body)),
        Ok(answer) => {
            let status = answer.status;
            tracing::warn!(status, "the user service gave no user counts");
            Ok(None)
        }
        Err(error) if is_cut_short => Err(error.into()),
        Err(error) => {
            let reason = Failure::from(error);
            tracing::warn!("the user service gave no user counts: {reason}");
            Ok(None)
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
