//! The locks of those who create tables and indexes in a schema.

use sqlx::{Executor as _, PgConnection};

/// What is created in a schema. Each has a lock of its own: an index is built for minutes, and an adapter
/// that starts meanwhile must not wait for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Definitions {
    /// Tables and functions.
    Tables,
    /// Indexes.
    Indexes,
}

impl Definitions {
    /// Takes the lock until the end of the transaction. Without it, one of two concurrent `create … if not
    /// exists` fails.
    ///
    /// The lock is that of a table in the schema, which the adapter creates together with the schema.
    /// Components cannot reach it. They could hold an advisory lock.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub(crate) async fn lock(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let lock = match self {
            Self::Tables => "lock table spindle_definitions in share row exclusive mode",
            Self::Indexes => "lock table spindle_index_definitions in share row exclusive mode",
        };
        connection.execute(lock).await.map(|_| ())
    }
}
