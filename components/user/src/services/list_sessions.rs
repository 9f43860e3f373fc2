//! The active sessions of a user.

use service_kit::sql::sql;

use crate::current_user::CurrentUser;
use crate::error::Result;
use crate::schemas::Sessions;

/// Returns the newest 100 active sessions of a user. A longer list would not help a person, and the
/// size of an answer is limited.
pub(crate) async fn list_sessions(user: CurrentUser) -> Result<Sessions> {
    let items = sql(
        "select id, created_at, last_used_at, expires_at, user_agent, address, \
             id is not distinct from $2 as current \
         from sessions where user_id = $1 and ended_at is null and expires_at > now() \
         order by created_at desc, id desc limit 100",
    )
    .bind(user.user_id)
    .bind(user.session_id)
    .fetch_all()
    .await?;
    Ok(Sessions { items })
}
