//! Size and patience of the MongoDB client. Where the server is, is in `databases`.

use std::time::Duration;

use super::reader::Reader;

/// As many calls as a server of this size works on at once; further ones wait for their turn.
const DEFAULT_CONNECTIONS: u32 = 32;
/// Long enough for a new connection over TLS, short enough to answer 503 while a client waits.
const DEFAULT_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A request's query that takes longer lacks an index.
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// How MongoDB is used, where `MONGODB_URL` does not say it.
#[derive(Clone, Debug)]
pub struct MongoDb {
    /// Connections of the whole process.
    pub connections: u32,
    /// How long a call waits for a connection before it is `unavailable`.
    pub acquire_timeout: Duration,
    /// How long MongoDB may work on one call before it is given up.
    pub operation_timeout: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>) -> MongoDb {
    let shortest = Duration::from_millis(10);
    reader.section("mongodb", |section| MongoDb {
        connections: section.within("connections", DEFAULT_CONNECTIONS, 1..=1_000),
        acquire_timeout: section.within(
            "acquire_timeout",
            DEFAULT_ACQUIRE_TIMEOUT,
            shortest..=Duration::from_secs(60),
        ),
        operation_timeout: section.within(
            "operation_timeout",
            DEFAULT_OPERATION_TIMEOUT,
            shortest..=Duration::from_secs(300),
        ),
    })
}
