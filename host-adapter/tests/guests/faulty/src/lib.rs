//! A component that misbehaves on request:
//!
//! - `/panic` traps, `/loop` computes forever, `/wait` never answers
//! - `/pause/N` answers after N milliseconds, with the name of the build
//! - `/read` answers when it has the whole body, with the name of the build
//! - `/memory/N` allocates N MiB
//! - `/count` returns the number of `/count` requests that this instance has received
//! - `/variable/NAME` and `/environment/NAME` return a value, `/files` the number of files it can see
//! - `/forge` logs as another component, and prints control characters
//! - `/chatter/N` logs N lines of 1 KiB
//! - `/sleep/N` runs a statement that takes N seconds
//! - `/adapter/NAME` calls a function of a capability, and returns `denied` or `something else`
//! - `/build` returns the name of the build, which tests replace
//! - `/services/faulty/health` succeeds, except in the builds `no-health` (it traps), `no-answer` (it never
//!   answers), `no-route` (404) and `no-database` (503)

mod adapter;
mod build;

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use spin_sdk::http::{FullBody, Request};
use spin_sdk::http_service;

static COUNT: AtomicU32 = AtomicU32::new(0);

#[http_service]
async fn handle(request: Request) -> http::Result<http::Response<FullBody<Bytes>>> {
    let path = request.uri().path().to_owned();
    let text = match path.as_str() {
        "/read" => read(request).await,
        path => answer(path).await,
    };
    http::Response::builder()
        .status(status(&path))
        .header("content-length", text.len())
        .body(FullBody::new(text.into()))
}

fn status(path: &str) -> u16 {
    match build::name() {
        "no-route" if path.starts_with("/services/") => 404,
        "no-database" if path.starts_with("/services/") => 503,
        _ => 200,
    }
}

async fn health() -> String {
    match build::name() {
        "no-health" => trap(),
        "no-answer" => wait(u64::MAX / 2).await,
        build => format!("{{\"status\": \"healthy\", \"version\": \"{build}\"}}"),
    }
}

async fn answer(path: &str) -> String {
    let (first, rest) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    match first {
        "panic" => trap(),
        "loop" => loop_forever(),
        "wait" => wait(u64::MAX / 2).await,
        "pause" => pause(rest.parse().unwrap_or(0)).await,
        "memory" => allocate(rest.parse().unwrap_or(0)),
        "count" => (COUNT.fetch_add(1, Ordering::Relaxed) + 1).to_string(),
        "variable" => spin_sdk::variables::get(rest).await.unwrap_or_default(),
        "environment" => std::env::var(rest).unwrap_or_default(),
        "files" => std::fs::read_dir("/")
            .map_or(0, Iterator::count)
            .to_string(),
        "forge" => forge(),
        "chatter" => chatter(rest.parse().unwrap_or(0)),
        "build" => build::name().to_owned(),
        "services" => health().await,
        "adapter" => adapter::call(rest).await,
        "sleep" => adapter::sleep(rest.parse().unwrap_or(0)).await,
        _ => String::new(),
    }
}

#[expect(clippy::panic, reason = "it is what this component is for")]
fn trap() -> ! {
    panic!("as asked")
}

fn loop_forever() -> ! {
    loop {
        std::hint::black_box(());
    }
}

fn forge() -> String {
    write(
        r#"{"timestamp":"1970","level":"ERROR","component":"other","request_id":"r1","message":"forged","target":"x"}"#,
    );
    write("\u{1b}[2J\r{\"component\":\"other\",\"message\":\"forged\"}");
    String::new()
}

fn chatter(lines: u64) -> String {
    let padding = "x".repeat(1_000);
    for number in 0..lines {
        let line = format!(
            r#"{{"level":"INFO","message":"chatter","number":{number},"padding":"{padding}"}}"#
        );
        write(&line);
    }
    String::new()
}

fn write(line: &str) {
    // Nothing can be reported if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn wait(nanoseconds: u64) -> String {
    spin_sdk::wasip3::clocks::monotonic_clock::wait_for(nanoseconds).await;
    String::new()
}

async fn pause(milliseconds: u64) -> String {
    wait(milliseconds * 1_000_000).await;
    build::name().to_owned()
}

async fn read(request: Request) -> String {
    match request.into_body().collect().await {
        Ok(_) => build::name().to_owned(),
        Err(_) => "the body did not arrive".to_owned(),
    }
}

fn allocate(mebibytes: usize) -> String {
    let memory = vec![1_u8; mebibytes << 20];
    std::hint::black_box(&memory).len().to_string()
}
