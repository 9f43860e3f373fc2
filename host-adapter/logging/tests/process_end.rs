//! The end of a process by a panic.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that finds something else than it expects fails by panicking"
)]

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use adapter_logging::{Log, LogSettings, Terminal};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

/// Set in the process that panics.
const DIRECTORY: &str = "LOGGING_TEST_DIRECTORY";

#[test]
fn a_panic_writes_what_waits() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        panic_and_abort(directory.into());
    }
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["a_panic_writes_what_waits", "--exact", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(!status.unwrap().success());
    let text = std::fs::read_to_string(directory.path().join("host-adapter.log")).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1_001);
    assert_eq!(lines[1_000]["level"], "CRITICAL");
    assert_eq!(lines[1_000]["message"], "a thread panicked: as asked");
}

/// Ends without dropping the log, as a panic in a panic does.
fn panic_and_abort(directory: PathBuf) -> ! {
    let settings = LogSettings {
        directory: Some(directory),
        ..LogSettings::default()
    };
    let log = Log::start(&settings, BTreeSet::new(), Terminal { colour: false }).unwrap();
    log.log_panics();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log.layer(|_| {})))
        .unwrap();
    for number in 0..1_000 {
        tracing::info!(target: "adapter_test", number, "a line");
    }
    let _ = std::panic::catch_unwind(|| panic!("as asked"));
    std::process::abort();
}
