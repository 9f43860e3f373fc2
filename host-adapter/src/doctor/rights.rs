//! What every role of PostgreSQL may do, and a component should not.

use super::database::{Database, limited};
use crate::{checks::Finding, database};

const CHECK: &str = "rights";

/// `None` if the rights are as they should be, or the next start revokes them.
pub(super) async fn check(database: &mut Database) -> Option<Finding> {
    let left = limited(database::rights_that_stay(&mut database.connection)).await;
    match left {
        Ok(left) if left.is_empty() => None,
        Ok(left) => Some(Finding::warning(
            CHECK,
            format!(
                "a hostile component could disturb others on this PostgreSQL: every role may use {}",
                left.join(", ")
            ),
            "start once with a `DATABASE_URL` of a superuser, who can revoke it",
        )),
        Err(error) => Some(Finding::warning(
            CHECK,
            format!("the rights of roles cannot be read: {error:#}"),
            "check the rights of the role in `DATABASE_URL`",
        )),
    }
}
