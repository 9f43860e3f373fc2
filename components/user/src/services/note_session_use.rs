//! Records when a session was last used.

use service_kit::sql::sql;
use uuid::Uuid;

/// Records that a session is in use, unless its use was recorded within the last minute. A failure only
/// makes the session look unused for longer.
pub(crate) async fn note_session_use(session_id: Uuid) {
    let note = sql("update sessions set last_used_at = now() \
         where id = $1 and last_used_at < now() - interval '1 minute'");
    if let Err(error) = note.bind(session_id).execute().await {
        tracing::warn!("did not note that a session was used: {error}");
    }
}
