//! Counts the users.

use service_kit::sql::sql;

use crate::error::Result;
use crate::schemas::UserCount;

/// Counts all users, and those of them who may log in. A trigger keeps the counts, so this costs the same
/// for any number of users.
pub(crate) async fn count_users() -> Result<UserCount> {
    let count = sql(
        "select total as total_users, active as active_users, total - active as inactive_users \
         from (select sum(total)::bigint as total, sum(active)::bigint as active from user_counts) as counts",
    );
    Ok(count.fetch_one().await?)
}
