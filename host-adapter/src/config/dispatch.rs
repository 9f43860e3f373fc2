//! Calls to peers: how long, how often, and where the peers are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::components::{EVERY_OTHER, Grants};
use super::reader::Reader;
use super::value::{HttpUrl, Size};

/// A third of the time that the calling request has.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// The contract's highest number. A fourth attempt hardly ever helps and triples an overload.
const DEFAULT_ATTEMPTS: u32 = 3;
/// About one round trip and one quick restart of a connection.
const DEFAULT_BACKOFF_BASE: Duration = Duration::from_millis(50);
/// With full jitter half a second on average, so that three attempts fit into the timeout.
const DEFAULT_BACKOFF_CAP: Duration = Duration::from_secs(1);
/// The contract's limit for requests and answers.
const DEFAULT_MAX_BODY: usize = 1 << 20;
/// How late a message is noticed that another process wrote. Our own are sent at once.
const DEFAULT_OUTBOX_INTERVAL: Duration = Duration::from_secs(1);

/// How peers are called.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// How long one call may take, attempts and pauses together.
    pub timeout: Duration,
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Longest pause before the second attempt; it doubles with each one after.
    pub backoff_base: Duration,
    /// Longest pause before any attempt.
    pub backoff_cap: Duration,
    /// Bytes of a request's or an answer's body.
    pub max_body: usize,
    /// How often the outbox is looked through for messages that are due.
    pub outbox_interval: Duration,
}

/// Somebody that components may be granted to call.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Scheme, host and port, and a path if any, without a slash at the end. Without it the peer
    /// is where this process serves it.
    pub url: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Dispatch {
    let milliseconds = Duration::from_millis;
    reader.section("dispatch", |section| Dispatch {
        timeout: section.within(
            "timeout",
            DEFAULT_TIMEOUT,
            milliseconds(10)..=milliseconds(300_000),
        ),
        attempts: section.within("attempts", DEFAULT_ATTEMPTS, 1..=3),
        backoff_base: section.within(
            "backoff_base",
            DEFAULT_BACKOFF_BASE,
            milliseconds(1)..=milliseconds(60_000),
        ),
        backoff_cap: section.within(
            "backoff_cap",
            DEFAULT_BACKOFF_CAP,
            milliseconds(1)..=milliseconds(60_000),
        ),
        max_body: section
            .within(
                "max_body",
                Size(DEFAULT_MAX_BODY),
                Size(1 << 10)..=Size(1 << 20),
            )
            .0,
        outbox_interval: section.within(
            "outbox_interval",
            DEFAULT_OUTBOX_INTERVAL,
            milliseconds(50)..=milliseconds(300_000),
        ),
    })
}

/// The peers of the file, and every component, because this process may serve it. A peer that is
/// only granted counts when a variable says where it is.
pub(super) fn read_peers(
    reader: &mut Reader<'_>,
    components: &BTreeMap<String, Grants>,
) -> BTreeMap<String, Peer> {
    let mut known = reader.names("peers");
    known.extend(components.keys().cloned());
    let granted = components
        .values()
        .flat_map(|grants| grants.peers.iter().cloned())
        .filter(|peer| peer != EVERY_OTHER);
    let names: std::collections::BTreeSet<String> = known.iter().cloned().chain(granted).collect();
    let mut peers = BTreeMap::new();
    for name in names {
        let url =
            reader.named_section("peers", &name, |section| section.optional::<HttpUrl>("url"));
        if url.is_some() || known.contains(&name) {
            peers.insert(
                name,
                Peer {
                    url: url.map(|url| url.0),
                },
            );
        }
    }
    peers
}

/// Names the peers that `*` stands for.
pub(super) fn name_every_other(
    components: &mut BTreeMap<String, Grants>,
    peers: &BTreeMap<String, Peer>,
) {
    for (component, Grants { peers: granted, .. }) in components {
        let before = granted.len();
        granted.retain(|name| name != EVERY_OTHER);
        if granted.len() < before {
            let others = peers.keys().filter(|peer| *peer != component);
            let missing: Vec<String> = others
                .filter(|peer| !granted.contains(peer))
                .cloned()
                .collect();
            granted.extend(missing);
        }
    }
}
