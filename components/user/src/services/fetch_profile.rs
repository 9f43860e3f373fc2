//! What a user sees of itself.

use service_kit::Result;
use service_kit::adapter::postgres::{self, Value};
use service_kit::rows::Columns;

use crate::current_user::CurrentUser;
use crate::schemas::Profile;

const FETCH: &str = "select username, email, is_active, created_at from users where id = $1";

/// The profile of the user that a token was issued to.
pub(crate) async fn fetch_profile(user_id: String) -> Result<Profile> {
    let rows = postgres::fetch(FETCH.to_owned(), vec![Value::Uuid(user_id)]).await?;
    let row = rows.rows.into_iter().next().ok_or_else(CurrentUser::gone)?;
    let mut columns = Columns::from(row);
    Ok(Profile {
        username: columns.next()?,
        email: columns.next()?,
        is_active: columns.next()?,
        created_at: columns.next()?,
    })
}
