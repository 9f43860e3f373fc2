//! The log: what is in its files, and who wrote it.

use std::path::Path;

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{App, Builder, HostMode, faulty, sidecar::StandaloneAdapter, until};

const REQUEST_ID: &str = "x-request-id";

/// A directory for logs, and the variables that lead there.
fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let logs = directory.path().join("logs");
    (directory, logs.display().to_string())
}

/// The lines of a file and of those that it was rotated to. Each must be whole.
fn read(directory: &str, name: &str) -> Vec<Value> {
    let old = (1..200).map(|number| format!("{name}.{number}"));
    let files = std::iter::once(name.to_owned()).chain(old);
    let texts =
        files.map_while(|name| std::fs::read_to_string(Path::new(directory).join(name)).ok());
    parse(&texts.collect::<String>())
}

fn parse(lines: &str) -> Vec<Value> {
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not a line: {line}")))
        .collect()
}

/// The last line of the file may not be whole yet.
async fn wait_for(directory: &str, name: &str, matches: impl Fn(&Value) -> bool) -> Value {
    until(&format!("the line in `{name}`"), async || {
        let text = std::fs::read(Path::new(directory).join(name)).unwrap_or_default();
        let end = text.iter().rposition(|byte| *byte == b'\n')?;
        let lines = std::str::from_utf8(&text[..end]).expect("text");
        parse(lines).into_iter().find(&matches)
    })
    .await
}

async fn start_faulty(environment: &[(&str, &str)]) -> (App, TempDir) {
    let project = faulty::project(&faulty::manifest());
    let app = faulty::start(project.path(), environment).await;
    (app, project)
}

#[tokio::test]
async fn a_services_file_has_its_lines_with_the_requests_id() {
    let (_directory, logs) = directory();
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_LOG_DIRECTORY", &logs)
        .env("LOG_LEVEL", "DEBUG")
        .start()
        .await;
    let answer = app.register("ada").await.expect(201);
    let id = answer.header(REQUEST_ID).to_owned();
    let line = wait_for(&logs, "user.log", |line| line["request_id"] == id.as_str()).await;
    assert_eq!(line["component"], "user");
    let (code, stderr) = app.stop().await;
    assert_eq!(code, Some(0), "{stderr:#?}");
    // The files have the same lines as stderr, also the last ones.
    let files = [
        "host-adapter.log",
        "user.log",
        "analytics.log",
        "gateway.log",
    ];
    let count: usize = files.iter().map(|name| read(&logs, name).len()).sum();
    assert_eq!(count, stderr.len());
    let last = read(&logs, "host-adapter.log");
    let stops = |line: &Value| line["message"] == "stopping after the requests in flight";
    assert!(last.iter().any(stops), "{last:#?}");
}

#[tokio::test]
async fn a_component_cannot_log_as_another() {
    let (_directory, logs) = directory();
    let (app, _project) = start_faulty(&[("SPINDLE_LOG_DIRECTORY", &logs)]).await;
    app.get("/forge").send().await.expect(200);
    let forged = |line: &Value| line["message"] == "forged";
    let line = wait_for(&logs, "faulty.log", forged).await;
    assert_eq!(line["component"], "faulty");
    assert_eq!(line["request_id"], "r1");
    assert_ne!(line["timestamp"], "1970");
    wait_for(&logs, "faulty_errors.log", forged).await;
    let other = |line: &Value| line["level"] == "WARNING" && line["component"] == "faulty";
    wait_for(&logs, "faulty.log", other).await;
    let text = std::fs::read_to_string(Path::new(&logs).join("faulty.log")).expect("a file");
    assert!(!text.contains(['\u{1b}', '\r']), "{text}");
    assert!(!Path::new(&logs).join("other.log").exists());
}

#[tokio::test]
async fn a_panic_is_in_the_file_of_errors() {
    let (_directory, logs) = directory();
    let (app, _project) = start_faulty(&[("SPINDLE_LOG_DIRECTORY", &logs)]).await;
    app.get("/panic")
        .send()
        .await
        .expect_problem(500, "internal");
    wait_for(&logs, "faulty_errors.log", |line| line["level"] == "ERROR").await;
    let words = |line: &Value| line.to_string().contains("as asked");
    wait_for(&logs, "faulty.log", words).await;
}

#[rstest]
#[case::small_files("16KiB", "100")]
#[case::large_files("10MiB", "1")]
#[tokio::test]
async fn rotation_under_load_loses_no_line(#[case] size: &str, #[case] old: &str) {
    const REQUESTS: u64 = 8;
    const LINES: u64 = 40;
    let (_directory, logs) = directory();
    let (app, _project) = start_faulty(&[
        ("SPINDLE_LOG_DIRECTORY", &logs),
        ("SPINDLE_LOG_MAX_FILE_SIZE", size),
        ("SPINDLE_LOG_OLD_FILES", old),
    ])
    .await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..REQUESTS {
        requests.spawn(app.get(&format!("/chatter/{LINES}")).send());
    }
    for answer in requests.join_all().await {
        answer.expect(200);
    }
    app.stop().await;
    let lines = read(&logs, "faulty.log");
    let mut numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["number"].as_u64())
        .collect();
    numbers.sort_unstable();
    let expected: Vec<u64> = (0..LINES)
        .flat_map(|number| std::iter::repeat_n(number, REQUESTS.try_into().expect("few")))
        .collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn each_line_of_a_chatty_component_is_kept_or_counted() {
    const LINES: u64 = 1_000;
    let (_directory, logs) = directory();
    let (app, _project) = start_faulty(&[
        ("SPINDLE_LOG_DIRECTORY", &logs),
        ("SPINDLE_LOG_QUEUE", "64KiB"),
        ("SPINDLE_HOST_CONCURRENCY_PER_INSTANCE", "1"),
    ])
    .await;
    app.get(&format!("/chatter/{LINES}"))
        .send()
        .await
        .expect(200);
    app.get("/").send().await.expect(200);
    app.stop().await;
    let lines = read(&logs, "faulty.log");
    let kept = lines.iter().filter(|line| line["number"].is_u64()).count();
    let lost: u64 = lines.iter().filter_map(lost).sum();
    assert_eq!(kept as u64 + lost, LINES);
}

/// How many lines this one says are lost.
fn lost(line: &Value) -> Option<u64> {
    let message = line["message"].as_str()?;
    let (count, _) = message.split_once(" lines of `faulty` were lost")?;
    count.parse().ok()
}

#[tokio::test]
async fn levels_are_per_component() {
    let (_directory, logs) = directory();
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_LOG_DIRECTORY", &logs)
        .env("LOG_LEVEL", "WARNING")
        .env("SPINDLE_LOG_COMPONENTS_USER", "DEBUG")
        .start()
        .await;
    app.get("/services/analytics/health")
        .send()
        .await
        .expect(200);
    app.get("/services/user/health").send().await.expect(200);
    wait_for(&logs, "user.log", |line| line["level"] == "DEBUG").await;
    app.stop().await;
    let below = |line: &Value| line["level"] == "DEBUG" || line["level"] == "INFO";
    assert!(!read(&logs, "analytics.log").iter().any(below));
}

#[tokio::test]
async fn what_spin_keeps_is_in_the_files_of_serve() {
    let (directory, logs) = directory();
    let spin = directory.path().join("spin");
    std::fs::create_dir(&spin).expect("create");
    let adapter = StandaloneAdapter::start(&[
        ("SPINDLE_LOG_DIRECTORY", &logs),
        ("SPINDLE_LOG_SPIN_DIRECTORY", &spin.display().to_string()),
    ])
    .await;
    let line = r#"{"level":"ERROR","component":"gateway","request_id":"r1","message":"on Spin"}"#;
    std::fs::write(spin.join("user_stderr.txt"), format!("{line}\n")).expect("write");
    let on_spin = |line: &Value| line["message"] == "on Spin" && line["request_id"] == "r1";
    let line = wait_for(&logs, "user_errors.log", on_spin).await;
    assert_eq!(line["component"], "user");
    drop(adapter);
}

#[tokio::test]
async fn text_has_no_colour_where_there_is_no_terminal() {
    let (_directory, logs) = directory();
    let (app, _project) = start_faulty(&[
        ("SPINDLE_LOG_DIRECTORY", &logs),
        ("SPINDLE_LOG_FORMAT", "text"),
    ])
    .await;
    app.get("/forge").send().await.expect(200);
    let (_, stderr) = app.stop().await;
    let file = std::fs::read_to_string(Path::new(&logs).join("faulty.log")).expect("a file");
    let line = stderr
        .iter()
        .filter_map(|line| line["not JSON"].as_str())
        .find(|line| line.contains("forged"))
        .expect("a line of text");
    assert!(line.contains(" ERROR    faulty "), "{line}");
    assert!(file.contains(line), "{file}");
    assert!(!file.contains('\u{1b}'), "{file}");
}
