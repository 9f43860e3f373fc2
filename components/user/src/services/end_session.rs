//! The end of one session: by logging out of it, or from another one.

use service_kit::adapter::postgres::{self, Statement, Value};
use service_kit::adapter::tokens;
use service_kit::problem::{Kind, Problem, kinds};
use service_kit::{Client, Result};
use uuid::Uuid;

use super::record_activity::message;
use crate::current_user::CurrentUser;
use crate::schemas::{EndedSession, LOGGED_OUT, NewActivity, SESSION_ENDED};

const FIND: &str = "select id from sessions \
     where id = $1 and user_id = $2 and ended_at is null and expires_at > now()";

const MARK: &str = "update sessions set ended_at = now() \
     where id = $1 and user_id = $2 and ended_at is null";

const NO_SESSION: Kind = Kind {
    status: 409,
    name: "no-session",
    title: "No session",
    detail: "The access token belongs to no session; it is good until it expires.",
};

/// End the session that asks.
pub(crate) async fn log_out(user: CurrentUser, client: Client) -> Result<EndedSession> {
    let Some(session_id) = user.session_id else {
        return Err(Problem::of(&NO_SESSION));
    };
    end(LOGGED_OUT, &user.user_id, session_id, &client).await
}

/// End another session of the user, or the one that asks.
pub(crate) async fn end_session(
    user: CurrentUser,
    session_id: Uuid,
    client: Client,
) -> Result<EndedSession> {
    let session_id = session_id.to_string();
    let found = postgres::fetch(FIND.to_owned(), ids(&session_id, &user.user_id)).await?;
    if found.rows.is_empty() {
        let detail = "There is no such session of yours, or it has ended.";
        return Err(Problem::new(&kinds::NOT_FOUND, detail));
    }
    end(SESSION_ENDED, &user.user_id, session_id, &client).await
}

/// Its tokens first: if what follows fails, the session is listed for as long as they would have
/// been good, and no token is good that should not be.
async fn end(
    action: &'static str,
    user_id: &str,
    session_id: String,
    client: &Client,
) -> Result<EndedSession> {
    tokens::end(vec![session_id.clone()]).await?;
    let mark = Statement {
        sql: MARK.to_owned(),
        params: ids(&session_id, user_id),
        expected_rows: None,
    };
    let activity = NewActivity::now(action, user_id, Some(&session_id), client);
    postgres::transact(vec![mark], vec![message(&activity)]).await?;
    tracing::info!(user_id, session_id, "ended a session");
    Ok(EndedSession { session_id })
}

fn ids(session_id: &str, user_id: &str) -> Vec<Value> {
    let uuid = |text: &str| Value::Uuid(text.to_owned());
    vec![uuid(session_id), uuid(user_id)]
}
