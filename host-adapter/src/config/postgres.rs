//! Limits of the PostgreSQL capability. Where the database is, is in `databases`.

use std::time::Duration;

use super::reader::Reader;
use super::value::Size;

/// A few times the cores of a database server of this size; beyond that PostgreSQL gets slower.
const DEFAULT_CONNECTIONS: u32 = 16;
/// Long enough for a new connection over TLS, short enough to answer 503 while a client waits.
const DEFAULT_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A request's statement that takes longer lacks an index.
const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// More belongs behind paging.
const DEFAULT_MAX_ROWS: u32 = 1_000;
/// As large as the largest body that a service answers with.
const DEFAULT_MAX_BYTES: usize = 1 << 20;

/// What components may ask of PostgreSQL.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// Connections of each component's pool. Low: requests wait for one. High: memory and
    /// context switches in PostgreSQL, which refuses more than its `max_connections`.
    pub connections: u32,
    /// How long a call waits for a connection before it is `unavailable`.
    pub acquire_timeout: Duration,
    /// How long one statement may run before it is cancelled.
    pub statement_timeout: Duration,
    /// Rows of one result.
    pub max_rows: u32,
    /// Bytes of the values of one result.
    pub max_bytes: usize,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Postgres {
    let shortest = Duration::from_millis(10);
    reader.section("postgres", |section| Postgres {
        connections: section.within("connections", DEFAULT_CONNECTIONS, 1..=1_000),
        acquire_timeout: section.within(
            "acquire_timeout",
            DEFAULT_ACQUIRE_TIMEOUT,
            shortest..=Duration::from_secs(60),
        ),
        statement_timeout: section.within(
            "statement_timeout",
            DEFAULT_STATEMENT_TIMEOUT,
            shortest..=Duration::from_secs(300),
        ),
        max_rows: section.within("max_rows", DEFAULT_MAX_ROWS, 1..=100_000),
        max_bytes: section
            .within(
                "max_bytes",
                Size(DEFAULT_MAX_BYTES),
                Size(1 << 10)..=Size(64 << 20),
            )
            .0,
    })
}
