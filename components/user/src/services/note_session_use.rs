//! When a session was last used.

use service_kit::Problem;
use service_kit::adapter::postgres::{self, Value};

const NOTE: &str = "update sessions set last_used_at = now() \
     where id = $1 and last_used_at < now() - interval '1 minute'";

/// Note that a session is in use, unless that was noted within the last minute. A failure costs
/// nobody anything but a time that is too old.
pub(crate) async fn note_session_use(session_id: String) {
    if let Err(error) = postgres::execute(NOTE.to_owned(), vec![Value::Uuid(session_id)]).await {
        let reason = Problem::from(error);
        tracing::warn!("did not note that a session was used: {reason}");
    }
}
