//! Ends the sessions of an account that was closed.

use service_kit::sql::sql;
use uuid::Uuid;

use super::end_other_sessions::end_other_sessions;
use crate::error::Result;

/// The route of the messages, which a trigger of the table `users` sends.
pub(crate) const CLOSED_PATH: &str = "/api/v1/users/closed";

/// Ends every session of a closed account. An account that was opened again in the meantime keeps its
/// sessions.
pub(crate) async fn end_closed_account(user_id: Uuid) -> Result<()> {
    let closed = sql("select id from users where id = $1 and not is_active").bind(user_id);
    if closed.fetch_optional::<(Uuid,)>().await?.is_none() {
        return Ok(());
    }
    let ended = end_other_sessions(user_id, None).await?;
    tracing::info!(%user_id, ended, "ended the sessions of a closed account");
    Ok(())
}
