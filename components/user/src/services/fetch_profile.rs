//! What a user sees of itself.

use service_kit::Result;
use service_kit::adapter::postgres::{self, Value};
use service_kit::problem::{Problem, kinds};
use service_kit::rows::Columns;
use uuid::Uuid;

use crate::schemas::Profile;

const FETCH: &str = "select username, email, is_active, created_at from users where id = $1";

/// The profile of the user that a token was issued to.
pub(crate) async fn fetch_profile(user_id: String) -> Result<Profile> {
    // PostgreSQL would refuse any other text as our mistake; it is the token's.
    if Uuid::parse_str(&user_id).is_err() {
        return Err(nobody());
    }
    let rows = postgres::fetch(FETCH.to_owned(), vec![Value::Uuid(user_id)]).await?;
    let row = rows.into_iter().next().ok_or_else(nobody)?;
    let mut columns = Columns::from(row);
    Ok(Profile {
        username: columns.next()?,
        email: columns.next()?,
        is_active: columns.next()?,
        created_at: columns.next()?,
    })
}

/// The token is good, but its user is gone.
fn nobody() -> Problem {
    Problem::new(
        &kinds::UNAUTHENTICATED,
        "The access token's user does not exist.",
    )
    .with_challenge(r#"Bearer realm="spindle", error="invalid_token""#)
}
