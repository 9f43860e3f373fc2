//! Passwords, tokens, envelopes and the keys behind them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;

// OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
const DEFAULT_MEMORY_KIB: u32 = 19_456;
const DEFAULT_ITERATIONS: u32 = 2;
const DEFAULT_PARALLELISM: u32 = 1;
/// At 20 ms a hash and two threads, the last in the queue waits for less than a second.
const DEFAULT_QUEUE: u32 = 64;
const DEFAULT_ISSUER: &str = "spindle";
const DEFAULT_AUDIENCE: &str = "spindle";
/// A stolen token is of use for so long; a client logs in again so often.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Long enough for PostgreSQL to restart, short beside the lifetime of a token.
const DEFAULT_ENDED_SESSIONS_MAX_AGE: Duration = Duration::from_secs(30);
/// The slowest call and its retries, several times.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);
/// Clocks of servers that follow NTP differ by milliseconds.
const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(5);
const DEFAULT_DIRECTORY: &str = ".spindle/keys";
/// Time to roll a new key out to every place that holds the old one.
const DEFAULT_READABLE: Duration = Duration::from_secs(7 * 24 * 3_600);

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How passwords are hashed (argon2id). Higher is safer and slower, for us as for an attacker.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// Memory of one hash, in KiB. All `threads` together take a multiple of it.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes (RFC 9106). They are computed one after another here.
    pub parallelism: u32,
    /// Hashes computed at the same time; by default one per processor. More only slow each other.
    pub threads: u32,
    /// Hashes that may wait. Beyond it a call is `unavailable` at once.
    pub queue: u32,
}

/// What access tokens say.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// `iss` of the tokens that are issued, and the only one accepted.
    pub issuer: String,
    /// `aud`, likewise.
    pub audience: String,
    /// From issue to expiry.
    pub lifetime: Duration,
    /// How old the knowledge of ended sessions may get before tokens of sessions are `unavailable`:
    /// the longest that an ended session is accepted anywhere. Low: every short outage of
    /// PostgreSQL is one of everything that takes a token.
    pub ended_sessions_max_age: Duration,
}

/// How long an envelope is good.
#[derive(Clone, Debug)]
pub struct Envelopes {
    /// Age at which an envelope is refused. Low: slow calls fail. High: more of them are
    /// remembered, so that none is accepted twice.
    pub max_age: Duration,
    /// How far another clock may be ahead of ours.
    pub clock_skew: Duration,
}

/// Where keys are, and for how long old ones are of use.
#[derive(Clone, Debug)]
pub struct Keys {
    /// One file a key, readable by nobody else.
    pub directory: PathBuf,
    /// How long after its successor was made a key still opens and verifies.
    pub old_keys_readable_for: Duration,
}

pub(super) fn read_passwords(reader: &mut Reader<'_>) -> Passwords {
    reader.section("passwords", |section| Passwords {
        memory_kib: section.within("memory_kib", DEFAULT_MEMORY_KIB, 7_168..=65_536),
        iterations: section.within("iterations", DEFAULT_ITERATIONS, 1..=10),
        parallelism: section.within("parallelism", DEFAULT_PARALLELISM, 1..=16),
        threads: section.within("threads", super::processors(), 1..=256),
        queue: section.within("queue", DEFAULT_QUEUE, 0..=10_000),
    })
}

pub(super) fn read_tokens(reader: &mut Reader<'_>) -> Tokens {
    let expected = "a text of 1 to 200 visible characters without spaces";
    let accepts = |text: &String| {
        (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let second = Duration::from_secs(1);
    reader.section("tokens", |section| Tokens {
        issuer: section.accepted("issuer", DEFAULT_ISSUER.to_owned(), expected, accepts),
        audience: section.accepted("audience", DEFAULT_AUDIENCE.to_owned(), expected, accepts),
        lifetime: section.within("lifetime", DEFAULT_LIFETIME, second..=DAY),
        ended_sessions_max_age: section.within(
            "ended_sessions_max_age",
            DEFAULT_ENDED_SESSIONS_MAX_AGE,
            second..=DAY,
        ),
    })
}

pub(super) fn read_envelopes(reader: &mut Reader<'_>) -> Envelopes {
    let hour = Duration::from_secs(3_600);
    reader.section("envelopes", |section| Envelopes {
        max_age: section.within("max_age", DEFAULT_MAX_AGE, Duration::from_secs(1)..=hour),
        clock_skew: section.within("clock_skew", DEFAULT_CLOCK_SKEW, Duration::ZERO..=hour / 12),
    })
}

pub(super) fn read_keys(reader: &mut Reader<'_>, project: &Path) -> Keys {
    reader.section("keys", |section| Keys {
        directory: project.join(section.value("directory", PathBuf::from(DEFAULT_DIRECTORY))),
        old_keys_readable_for: section.within(
            "old_keys_readable_for",
            DEFAULT_READABLE,
            Duration::from_secs(60)..=365 * DAY,
        ),
    })
}
