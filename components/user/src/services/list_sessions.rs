//! Where a user is logged in.

use service_kit::Result;
use service_kit::adapter::postgres::{self, Row, Value};
use service_kit::rows::Columns;

use crate::current_user::CurrentUser;
use crate::schemas::{Session, Sessions};

/// Nobody looks through more, and an answer has its limits.
const FETCH: &str = "select id, created_at, last_used_at, expires_at, user_agent, address \
     from sessions where user_id = $1 and ended_at is null and expires_at > now() \
     order by created_at desc, id desc limit 100";

/// The newest 100 sessions of a user that have not ended.
pub(crate) async fn list_sessions(user: CurrentUser) -> Result<Sessions> {
    let rows = postgres::fetch(FETCH.to_owned(), vec![Value::Uuid(user.user_id)]).await?;
    let current = user.session_id.as_deref();
    let items = rows.rows.into_iter().map(|row| session(row, current));
    Ok(Sessions {
        items: items.collect::<Result<_>>()?,
    })
}

fn session(row: Row, current: Option<&str>) -> Result<Session> {
    let mut columns = Columns::from(row);
    let id: String = columns.next()?;
    Ok(Session {
        current: current == Some(id.as_str()),
        id,
        created_at: columns.next()?,
        last_used_at: columns.next()?,
        expires_at: columns.next()?,
        user_agent: columns.next()?,
        address: columns.next()?,
    })
}
