//! What components may ask of PostgreSQL.

use std::time::Duration;

use adapter_settings::{Integer, KIB, MIB, MINUTE, Size, Time};
use serde::{Deserialize, Serialize};

/// Size and timeouts of pools, and limits of results.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct PostgresSettings {
    /// Connections of each component's pool. Two more are for background work, and one ends the statements of
    /// calls that are given up. If low, requests wait for one. If high, PostgreSQL needs more memory and context switches. It rejects more than its
    /// `max_connections`. The default is a few times the processors of a usual database server.
    #[serde(with = "Integer::<1, 1_000>")]
    pub connections: usize,
    /// How many adapters may use the database at the same time. PostgreSQL accepts as many connections of a
    /// component's role as their pools have, and no more. In the default, two adapters can be replaced
    /// without a pause.
    #[serde(with = "Integer::<1, 1_000>")]
    pub max_adapters: usize,
    /// How long a call waits for a connection before it is `unavailable`. The default is enough to
    /// open one over TLS.
    #[serde(with = "Time::<10, MINUTE>")]
    pub acquire_timeout: Duration,
    /// How long one statement may run before PostgreSQL cancels it. In a request, one that takes
    /// longer than the default lacks an index.
    #[serde(with = "Time::<10, { 5 * MINUTE }>")]
    pub statement_timeout: Duration,
    /// Rows of one result. More belong behind paging.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_rows: usize,
    /// Bytes of the values of one result, as PostgreSQL sends them.
    #[serde(with = "Size::<KIB, { 64 * MIB }>")]
    pub max_bytes: usize,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            connections: 16,
            max_adapters: 4,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            max_rows: 1_000,
            max_bytes: 1 << 20,
        }
    }
}
