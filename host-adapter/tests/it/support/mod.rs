//! What tests share: databases, the running application, a client, waiting.

pub(crate) mod app;
pub(crate) mod capabilities;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod composed;
pub(crate) mod copy;
pub(crate) mod events;
pub(crate) mod forward;
pub(crate) mod markdown;
pub(crate) mod mongodb;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod scripted;
pub(crate) mod sidecar;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub(crate) use app::{App, Builder, HostMode};
pub(crate) use capabilities::{documents, documents_in_mongodb, documents_with_indexes};
pub(crate) use client::Answer;

/// Longest wait for anything. It is only used up by a test that fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// The repository.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in the project")
        .to_owned()
}

/// A built component, or a failure that says how to build it.
pub(crate) fn wasm(name: &str) -> PathBuf {
    let path = project().join(format!("target/wasm32-wasip2/release/{name}.wasm"));
    assert!(
        path.exists(),
        "{} is not built: run `./dev test`, or `./dev build` before cargo",
        path.display()
    );
    path
}

/// Waits until `condition` gives something.
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
