//! Steps that the creation of tables and the creation of indexes share.

use sqlx::{Executor as _, PgConnection};

/// The SQL functions that compute index keys.
const FUNCTIONS: &str = include_str!("keys.sql");

/// Creates or replaces the functions. The caller must hold the lock of
/// [`Definitions::Tables`](crate::postgres::Definitions).
pub(super) async fn create_functions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(FUNCTIONS).await.map(|_| ())
}
