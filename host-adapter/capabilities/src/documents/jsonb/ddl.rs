//! Steps that the creation of tables and the creation of indexes share.

use sqlx::{Executor as _, PgConnection};

/// The SQL functions that compute index keys.
const FUNCTIONS: &str = include_str!("keys.sql");

/// The table of the epochs of positions, and the current one.
const POSITIONS: &str = include_str!("positions.sql");

/// Creates or replaces the functions. The caller must hold the lock of
/// [`Definitions::Tables`](crate::postgres::Definitions).
pub(super) async fn create_functions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(FUNCTIONS).await.map(|_| ())
}

/// Creates the table of positions, and begins an epoch in another cluster. The caller must
/// hold the same lock.
pub(super) async fn create_positions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(POSITIONS).await.map(|_| ())
}
