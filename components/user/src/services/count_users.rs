//! How many users there are.

use service_kit::sql::sql;

use crate::error::Result;
use crate::schemas::UserCount;

/// All users, and how many of them may log in.
pub(crate) async fn count_users() -> Result<UserCount> {
    let count = sql("select count(*) as total_users, \
             count(*) filter (where is_active) as active_users, \
             count(*) filter (where not is_active) as inactive_users \
         from users");
    Ok(count.fetch_one().await?)
}
