//! What the definitions of tables and of indexes have in common.

use sqlx::{Executor as _, PgConnection};

/// Held while tables are created, since `create table if not exists` fails when two do it at once.
/// The number only has to differ from those of other locks in the database: `spindled` in ASCII.
const LOCK: i64 = 0x7370_696e_646c_6564;

/// The functions that keys are made by.
const FUNCTIONS: &str = include_str!("keys.sql");

/// Takes the lock on definitions, until the end of the transaction.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(connection).await.map(|_| ())
}

/// Creates the functions, or replaces them by this version's. The caller holds the lock.
pub(super) async fn create_functions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(FUNCTIONS).await.map(|_| ())
}
