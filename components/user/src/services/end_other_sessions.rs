//! Ends all sessions of a user except one.

use service_kit::adapter::tokens;
use service_kit::sql::{Json, sql};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Maximum number of rounds, with 500 sessions each. Passwords are checked too slowly for ten thousand
/// logins within the lifetime of a token. A user with more sessions can end the rest with another
/// request.
const MAX_ROUNDS: usize = 20;

/// Ends every session of a user except `kept`, and returns their number.
pub(super) async fn end_other_sessions(user_id: Uuid, kept: Option<Uuid>) -> Result<usize> {
    let mut ended = 0;
    for _ in 0..MAX_ROUNDS {
        // One call of `tokens.end` accepts this many.
        let sessions = sql("select id from sessions where user_id = $1 \
             and id is distinct from $2 and ended_at is null and expires_at > now() limit 500")
        .bind(user_id)
        .bind(kept)
        .fetch_all::<(Uuid,)>()
        .await?;
        if sessions.is_empty() {
            return Ok(ended);
        }
        let sessions: Vec<String> = sessions.iter().map(|(id,)| id.to_string()).collect();
        ended += sessions.len();
        // The tokens end first, for the same reason as in `end_session`.
        tokens::end(sessions.clone()).await?;
        sql(
            "update sessions set ended_at = now() where ended_at is null \
             and id in (select value::uuid from jsonb_array_elements_text($1))",
        )
        .bind(Json(sessions))
        .execute()
        .await?;
    }
    Err(Error::TooManySessions)
}
