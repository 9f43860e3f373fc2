//! Other settings while lines are logged.

#![expect(
    clippy::unwrap_used,
    reason = "a test that finds something else than it expects fails by panicking"
)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use adapter_logging::{Log, LogLevel, LogSettings, Terminal};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

/// Set in the process that logs.
const DIRECTORY: &str = "LOGGING_TEST_DIRECTORY";

const THREADS: u64 = 4;

/// Lines of each thread.
const LINES: u64 = 2_000;

const CHANGES: usize = 20;

#[test]
fn no_line_is_lost_when_settings_change() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        log_and_change(directory.into());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "no_line_is_lost_when_settings_change",
            "--exact",
            "--nocapture",
        ])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stderr).unwrap();
    let stderr: Vec<Value> = lines.lines().filter_map(parse).collect();
    let files = ["a", "b"].map(|name| read(&directory.path().join(name)));
    for found in [stderr, files.concat()] {
        let all: Vec<(u64, u64)> = found.iter().filter_map(number).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (8_000, 8_000));
        let is_debug = |line: &&Value| line["level"] == "DEBUG";
        assert_eq!(found.iter().filter(is_debug).count(), 1);
    }
}

/// A line that the test harness writes is not one of the log.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

fn number(line: &Value) -> Option<(u64, u64)> {
    Some((line["thread"].as_u64()?, line["number"].as_u64()?))
}

/// The lines of a log's files, rotated ones as well.
fn read(directory: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(directory).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let lines = texts.flat_map(|text| text.lines().map(parse).collect::<Vec<_>>());
    lines.flatten().collect()
}

/// Other settings for each change: the directory changes with every second one.
fn settings(directory: &Path, change: usize) -> LogSettings {
    let is_even = change.is_multiple_of(2);
    LogSettings {
        directory: Some(directory.join(if change % 4 < 2 { "a" } else { "b" })),
        max_file_size: if is_even { 1 << 20 } else { 64 << 10 },
        // Rotated files must not be removed.
        old_files: 100,
        level: if is_even {
            LogLevel::Info
        } else {
            LogLevel::Debug
        },
        ..LogSettings::default()
    }
}

fn log_and_change(directory: PathBuf) {
    let terminal = Terminal { colour: false };
    let log = Log::start(&settings(&directory, 0), BTreeSet::new(), terminal).unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log.layer(|_| {})))
        .unwrap();
    let debug = || tracing::debug!(target: "adapter_test", "for those who want details");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for number in 0..LINES {
                    tracing::info!(target: "adapter_test", thread, number, "a line");
                }
            });
        }
        for change in 1..=CHANGES {
            let settings = settings(&directory, change);
            log.handle().change(&settings, BTreeSet::new()).unwrap();
        }
    });
    // The level of the last change is INFO again.
    debug();
    log.handle()
        .change(&settings(&directory, 1), BTreeSet::new())
        .unwrap();
    debug();
}
