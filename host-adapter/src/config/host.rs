//! How components are run, and what one request and one instance may cost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;
use super::value::Size;

/// Four times the requests per second of 128, as measured; a leak in a component still ends.
const DEFAULT_REQUESTS_PER_INSTANCE: u32 = 10_000;
/// As Spin has it. More makes no measurable difference.
const DEFAULT_CONCURRENCY_PER_INSTANCE: u32 = 16;
/// At the least, for machines with few processors: twice what `max_requests` lets in at once.
const DEFAULT_MAX_INSTANCES: u32 = 64;
/// A thread needs an instance of each component on each listener, and some more under load.
const INSTANCES_PER_THREAD: u32 = 16;
/// Long enough to survive a pause between two clicks, short enough to give memory back.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Sixteen requests with bodies of 1 MiB each, parsed, fit twice.
const DEFAULT_MEMORY_PER_INSTANCE: usize = 64 << 20;
/// Longer than every limit below it, so that a component can still say what was too slow.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that sends its headers slower than this holds a connection for nothing.
const DEFAULT_HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than a phone takes to find its network again.
const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// About 20 KB each at worst while idle, and below the usual limit of open files.
const DEFAULT_MAX_CONNECTIONS: u32 = 1_024;
/// What 16 database connections answer within the request timeout many times over.
const DEFAULT_MAX_REQUESTS: u32 = 512;
/// Below what container platforms wait before they kill.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_COMPILATION_CACHE: &str = ".spindle/cache";

/// Limits of the embedded component host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Threads that run components, each with instances and database connections of its own; by
    /// default one per processor. More only take turns.
    pub threads: u32,
    /// Requests that one instance answers before it is replaced. Low: instantiation costs more
    /// than the request. High: what a component leaks stays longer.
    pub requests_per_instance: u32,
    /// Requests that one instance works on at the same time, on one thread.
    pub concurrency_per_instance: u32,
    /// Instances of all components together. Further requests wait, up to `request_timeout`.
    pub max_instances: u32,
    /// How long an instance without requests is kept.
    pub idle_timeout: Duration,
    /// Linear memory of one instance, in bytes. An allocation beyond it traps.
    pub memory_per_instance: usize,
    /// How long one request may take in all. Then it is answered 504.
    pub request_timeout: Duration,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long a client may leave an answer unread before its connection is cut.
    pub write_timeout: Duration,
    /// Open connections of one listener. Further ones wait to be accepted.
    pub max_connections: u32,
    /// Requests in flight on one listener. Further ones are answered 503.
    pub max_requests: u32,
    /// How long requests in flight may take to finish after Ctrl-C.
    pub shutdown_timeout: Duration,
    /// Directory for compiled components. Safe to delete, never to share with somebody not trusted.
    pub compilation_cache: PathBuf,
}

fn default_max_instances() -> u32 {
    DEFAULT_MAX_INSTANCES.max(super::processors() * INSTANCES_PER_THREAD)
}

pub(super) fn read(reader: &mut Reader<'_>, project: &Path) -> Host {
    let seconds = Duration::from_secs;
    reader.section("host", |section| Host {
        threads: section.within("threads", super::processors(), 1..=256),
        requests_per_instance: section.within(
            "requests_per_instance",
            DEFAULT_REQUESTS_PER_INSTANCE,
            1..=1_000_000,
        ),
        concurrency_per_instance: section.within(
            "concurrency_per_instance",
            DEFAULT_CONCURRENCY_PER_INSTANCE,
            1..=1_000,
        ),
        max_instances: section.within("max_instances", default_max_instances(), 1..=10_000),
        idle_timeout: section.within(
            "idle_timeout",
            DEFAULT_IDLE_TIMEOUT,
            Duration::from_millis(100)..=seconds(3_600),
        ),
        memory_per_instance: section
            .within(
                "memory_per_instance",
                Size(DEFAULT_MEMORY_PER_INSTANCE),
                Size(4 << 20)..=Size(4 << 30),
            )
            .0,
        request_timeout: section.within(
            "request_timeout",
            DEFAULT_REQUEST_TIMEOUT,
            Duration::from_millis(100)..=seconds(300),
        ),
        header_timeout: section.within(
            "header_timeout",
            DEFAULT_HEADER_TIMEOUT,
            Duration::from_millis(100)..=seconds(120),
        ),
        write_timeout: section.within(
            "write_timeout",
            DEFAULT_WRITE_TIMEOUT,
            Duration::from_millis(100)..=seconds(600),
        ),
        max_connections: section.within("max_connections", DEFAULT_MAX_CONNECTIONS, 1..=100_000),
        max_requests: section.within("max_requests", DEFAULT_MAX_REQUESTS, 1..=100_000),
        shutdown_timeout: section.within(
            "shutdown_timeout",
            DEFAULT_SHUTDOWN_TIMEOUT,
            Duration::ZERO..=seconds(600),
        ),
        compilation_cache: project.join(section.value(
            "compilation_cache",
            PathBuf::from(DEFAULT_COMPILATION_CACHE),
        )),
    })
}
