//! Ends one session: its user logs out, or ends it from another session.

use service_kit::Client;
use service_kit::adapter::tokens;
use service_kit::sql::{self, Transaction, sql};
use uuid::Uuid;

use super::record_activity::activity_message;
use crate::current_user::CurrentUser;
use crate::error::{Error, Result};
use crate::schemas::{EndedSession, LOGGED_OUT, NewActivity, SESSION_ENDED};

/// Ends the session of the request.
pub(crate) async fn log_out(user: CurrentUser, client: Client) -> Result<EndedSession> {
    let session_id = user.session_id.ok_or(Error::NoSession)?;
    end(LOGGED_OUT, user.user_id, session_id, &client).await
}

/// Ends a session of the user, which may be that of the request.
pub(crate) async fn end_session(
    user: CurrentUser,
    session_id: Uuid,
    client: Client,
) -> Result<EndedSession> {
    sql("select id from sessions \
         where id = $1 and user_id = $2 and ended_at is null and expires_at > now()")
    .bind(session_id)
    .bind(user.user_id)
    .fetch_optional::<(Uuid,)>()
    .await?
    .ok_or(Error::SessionNotFound)?;
    end(SESSION_ENDED, user.user_id, session_id, &client).await
}

/// Ends the tokens first. If the rest fails, the session stays listed until its tokens would have
/// expired, but they are no longer valid.
///
/// A client that gets no answer repeats its request, and the first one may still run. Only one of them finds
/// the session and records the activity.
async fn end(
    action: &'static str,
    user_id: Uuid,
    session_id: Uuid,
    client: &Client,
) -> Result<EndedSession> {
    tokens::end(vec![session_id.to_string()]).await?;
    let activity = NewActivity::now(action, user_id, Some(session_id), client);
    let mark = sql("update sessions set ended_at = now() \
         where id = $1 and user_id = $2 and ended_at is null");
    let committed = Transaction::new()
        .execute(mark.bind(session_id).bind(user_id))
        .expect_rows(1)
        .send(activity_message(&activity)?)
        .commit()
        .await;
    match committed {
        Ok(()) => tracing::info!(%user_id, %session_id, "ended a session"),
        Err(sql::Error::UnexpectedRows { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(EndedSession { session_id })
}
