//! Counts the users.

use service_kit::sql::sql;

use crate::error::Result;
use crate::schemas::UserCount;

/// Counts all users, and those of them who may log in.
pub(crate) async fn count_users() -> Result<UserCount> {
    let count = sql("select count(*) as total_users, \
             count(*) filter (where is_active) as active_users, \
             count(*) filter (where not is_active) as inactive_users \
         from users");
    Ok(count.fetch_one().await?)
}
