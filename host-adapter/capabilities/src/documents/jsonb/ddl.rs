//! Steps that the creation of tables and the creation of indexes share.

use sqlx::{Executor as _, PgConnection};

/// Key of the advisory lock that serialises definitions, because concurrent `create table if not exists`
/// statements fail. The key, `spindled` in ASCII, only has to differ from other locks in the database.
const LOCK: i64 = 0x7370_696e_646c_6564;

/// The SQL functions that compute index keys.
const FUNCTIONS: &str = include_str!("keys.sql");

/// Takes the definition lock until the end of the transaction.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(connection).await.map(|_| ())
}

/// Creates or replaces the functions. The caller must hold the lock.
pub(super) async fn create_functions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(FUNCTIONS).await.map(|_| ())
}
