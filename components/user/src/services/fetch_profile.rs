//! A user's own profile.

use service_kit::sql::sql;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::schemas::Profile;

/// Returns the profile of the user that a token was issued to.
pub(crate) async fn fetch_profile(user_id: Uuid) -> Result<Profile> {
    sql("select username, email, is_active, created_at from users where id = $1")
        .bind(user_id)
        .fetch_optional()
        .await?
        .ok_or(Error::UserGone)
}
