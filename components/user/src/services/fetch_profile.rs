//! A user's own profile.

use service_kit::UncheckedToken;
use service_kit::sql::sql;

use crate::current_user::CurrentUser;
use crate::error::{Error, Result};
use crate::schemas::Profile;

/// Returns the profile of the user that a token was issued to.
pub(crate) async fn fetch_profile(token: UncheckedToken) -> Result<Profile> {
    let profile = sql("select username, email, is_active, created_at from users where id = $1");
    let profile = profile.for_subject(token).fetch_optional().await;
    let (claims, profile) = profile.map_err(Error::of_subject)?;
    CurrentUser::of(&claims)?;
    profile.ok_or(Error::UserGone)
}
