//! Support for the tests: databases, the running application, a client, and waiting.

pub(crate) mod app;
pub(crate) mod balancer;
pub(crate) mod builder;
pub(crate) mod builds;
pub(crate) mod capabilities;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod collector;
pub(crate) mod composed;
pub(crate) mod copy;
pub(crate) mod customer;
pub(crate) mod declared;
pub(crate) mod events;
pub(crate) mod faulty;
pub(crate) mod forward;
pub(crate) mod frames;
pub(crate) mod markdown;
pub(crate) mod mongodb;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod raw;
mod reference;
pub(crate) mod release;
pub(crate) mod scratch;
pub(crate) mod scripted;
pub(crate) mod sidecar;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

pub(crate) use app::App;
pub(crate) use builder::{Builder, HostMode};
pub(crate) use capabilities::{documents, documents_in_mongodb, documents_with_indexes};
pub(crate) use client::Answer;

/// The longest wait for a condition or an answer. Only a failing test waits that long, and a busy machine may need
/// most of it. Statements that tests have ended early sleep for longer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(55);

/// Returns the root of the repository.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(service_tests::PROJECT)
}

/// Returns the path of a built component. Panics with the build command if it is missing.
pub(crate) fn wasm(name: &str) -> PathBuf {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let path = project().join("target/wasm32-wasip2/release").join(file);
    assert!(
        path.exists(),
        "{} is not built: run `./dev test`, or `./dev build` before cargo",
        path.display()
    );
    path
}

/// Waits until `condition` returns a value, and returns it.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            start.elapsed() < TIMEOUT,
            "still waiting after {TIMEOUT:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
