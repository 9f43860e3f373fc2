//! How many users there are.

use service_kit::Result;
use service_kit::adapter::postgres;
use service_kit::rows::one;

use crate::schemas::UserCount;

const COUNT: &str = "select count(*), count(*) filter (where is_active), count(*) filter (where not is_active) \
     from users";

/// All users, and those who may and may not log in.
pub(crate) async fn count_users() -> Result<UserCount> {
    let rows = postgres::fetch(COUNT.to_owned(), Vec::new()).await?;
    let mut columns = one(rows.rows)?;
    Ok(UserCount {
        total_users: columns.next()?,
        active_users: columns.next()?,
        inactive_users: columns.next()?,
    })
}
