//! Steps that the creation of tables and the creation of indexes share.

use sqlx::{Executor as _, PgConnection};

/// An advisory lock that serialises definitions, because concurrent `create … if not exists` statements
/// fail. The key only has to differ from other locks in the database.
///
/// Tables and indexes have a lock each. An index is built for minutes, and an adapter that starts meanwhile
/// must not wait for it.
#[derive(Clone, Copy)]
#[repr(i64)]
pub(super) enum Lock {
    /// Tables and functions. The key is `spindlet` in ASCII.
    Tables = 0x7370_696e_646c_6574,
    /// Indexes. The key is `spindled` in ASCII.
    Indexes = 0x7370_696e_646c_6564,
}

/// The SQL functions that compute index keys.
const FUNCTIONS: &str = include_str!("keys.sql");

/// Takes a lock until the end of the transaction.
pub(super) async fn lock(connection: &mut PgConnection, lock: Lock) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(lock as i64);
    lock.execute(connection).await.map(|_| ())
}

/// Creates or replaces the functions. The caller must hold [`Lock::Tables`].
pub(super) async fn create_functions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(FUNCTIONS).await.map(|_| ())
}
