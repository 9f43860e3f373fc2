//! The log as a whole: from events to what is read afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use serde_json::Value;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{
    Log, LogLevel, LogSettings,
    files::Files,
    format::Format,
    output::{Output, Sink},
    queue::Queue,
    stream::Stream,
};

/// Longer than anything takes here. Only a failing test waits that long.
const LIMIT: Duration = Duration::from_secs(30);

/// What an output wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn lines(&self) -> Vec<Value> {
        parse(&String::from_utf8(self.0.lock().unwrap().clone()).unwrap())
    }
}

fn parse(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn output(queue: &Arc<Queue>, sink: impl Sink + 'static) -> Output {
    Output::start(None, "test", queue.clone(), Arc::default(), sink).unwrap()
}

/// A log that is written to a text.
fn log_to_text(settings: &LogSettings) -> (Log, Written) {
    let written = Written::default();
    let queue = Arc::new(Queue::new(settings.queue));
    let stream = Stream::new(written.clone(), Format::Json);
    let log = Log::with_outputs(settings, vec![output(&queue, stream)]);
    (log, written)
}

/// A log that is written to files, with the text of what stderr gets.
fn log_to_files(directory: &Path, settings: &LogSettings) -> (Log, Written) {
    let written = Written::default();
    let reports = Arc::new(Queue::new(settings.queue));
    let stderr = output(&reports, Stream::new(written.clone(), Format::Json));
    let components = BTreeSet::from(["user".to_owned()]);
    let directory = directory.to_owned();
    let files = Files::new(directory, settings, Format::Json, components, reports);
    let queue = Arc::new(Queue::new(settings.queue));
    let log = Log::with_outputs(settings, vec![stderr, output(&queue, files)]);
    (log, written)
}

fn dispatch(log: &Log) -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(log.layer(|_| {})))
}

/// The lines of a file and of those that it was rotated to, oldest first.
fn read(directory: &Path, name: &str) -> Vec<Value> {
    let mut old: Vec<_> = (1..1_000)
        .map(|number| directory.join(format!("{name}.{number}")))
        .take_while(|path| path.exists())
        .collect();
    old.reverse();
    let files = old.into_iter().chain([directory.join(name)]);
    let texts = files.map(|path| fs::read_to_string(path).unwrap_or_default());
    texts.flat_map(|text| parse(&text)).collect()
}

#[test]
fn every_line_is_in_the_rotated_files_once() {
    const THREADS: u64 = 4;
    const LINES: u64 = 5_000;
    let directory = tempfile::tempdir().unwrap();
    let settings = LogSettings {
        max_file_size: 32 << 10,
        old_files: 1_000,
        queue: 1 << 30,
        ..LogSettings::default()
    };
    let (log, _) = log_to_files(directory.path(), &settings);
    let dispatch = dispatch(&log);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let dispatch = &dispatch;
            scope.spawn(move || {
                dispatcher::with_default(dispatch, || {
                    for number in 0..LINES {
                        tracing::info!(target: "adapter_test", component = "user", thread, number, "a line");
                    }
                });
            });
        }
    });
    let counts = log.counts();
    drop(log);
    assert_eq!(counts()[1].written, THREADS * LINES);
    let lines = read(directory.path(), "user.log");
    let mut next = BTreeMap::new();
    for line in &lines {
        // Of one thread, lines are in the order in which it wrote them.
        let expected: &mut u64 = next.entry(line["thread"].as_u64().unwrap()).or_default();
        assert_eq!(line["number"].as_u64(), Some(*expected));
        *expected += 1;
    }
    assert_eq!(next, (0..THREADS).map(|thread| (thread, LINES)).collect());
    assert!(fs::read_dir(directory.path()).unwrap().count() > 50);
    let is_full = |entry: io::Result<fs::DirEntry>| {
        entry.unwrap().metadata().unwrap().len() <= settings.max_file_size as u64
    };
    assert!(fs::read_dir(directory.path()).unwrap().all(is_full));
}

#[test]
fn errors_are_in_a_second_file_and_others_in_the_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = log_to_files(directory.path(), &LogSettings::default());
    dispatcher::with_default(&dispatch(&log), || {
        tracing::info!(target: "adapter_test", component = "user", "fine");
        tracing::error!(target: "adapter_test", component = "user", "broken");
        tracing::error!(target: "adapter_test", component = "../../unknown", "no service");
    });
    drop(log);
    let messages = |name| {
        let lines = read(directory.path(), name).into_iter();
        lines
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(messages("user.log"), ["fine", "broken"]);
    assert_eq!(messages("user_errors.log"), ["broken"]);
    assert_eq!(messages("host-adapter.log"), ["no service"]);
    assert_eq!(messages("host-adapter_errors.log"), ["no service"]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
}

#[test]
fn a_removed_directory_costs_no_line_that_follows() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    let (log, _) = log_to_files(&logs, &LogSettings::default());
    dispatcher::with_default(&dispatch(&log), || {
        for number in 0..10 {
            tracing::info!(target: "adapter_test", component = "user", number, "a line");
            assert!(log.flush(LIMIT));
            assert_eq!(read(&logs, "user.log")[0]["number"], number);
            fs::remove_dir_all(&logs).unwrap();
        }
    });
}

#[test]
fn what_a_full_disk_loses_is_counted_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("user.log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let (log, stderr) = log_to_files(directory.path(), &LogSettings::default());
    dispatcher::with_default(&dispatch(&log), || {
        for number in 0..3 {
            tracing::info!(target: "adapter_test", component = "user", number, "a line");
            assert!(log.flush(LIMIT));
        }
        fs::remove_file(&path).unwrap();
        tracing::info!(target: "adapter_test", component = "user", "there is room again");
    });
    let counts = log.counts();
    drop(log);
    assert_eq!(counts()[1].lost, 3);
    let lines = read(directory.path(), "user.log");
    assert_eq!(lines[0]["message"], "there is room again");
    assert!(
        lines[1]["message"]
            .as_str()
            .unwrap()
            .contains("3 lines are missing")
    );
    let said = |words: &str| {
        let lines = stderr.lines().into_iter();
        lines
            .filter(|line| line.to_string().contains(words))
            .count()
    };
    assert_eq!((said("No space left"), said("3 lines are missing")), (1, 1));
}

#[test]
fn a_full_disk_tears_no_line() {
    let directory = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(directory.path())
        .status();
    assert!(
        mount.is_ok_and(|status| status.success()),
        "this test mounts a tmpfs: run the tests as root, or in `unshare --map-root-user --mount`"
    );
    let (log, _) = log_to_files(directory.path(), &LogSettings::default());
    dispatcher::with_default(&dispatch(&log), || {
        for number in 0..2_000 {
            tracing::info!(target: "adapter_test", component = "user", number, "a line");
        }
    });
    let counts = log.counts();
    drop(log);
    let lines = read(directory.path(), "user.log");
    let (written, lost) = (counts()[1].written, counts()[1].lost);
    let unmounted = std::process::Command::new("umount")
        .arg(directory.path())
        .status();
    assert!(unmounted.unwrap().success());
    assert!(lost > 0 && written > 100, "{written} written, {lost} lost");
    assert_eq!((written, written + lost), (lines.len() as u64, 2_000));
}

/// Writes nothing until the sender is dropped.
struct Stalled {
    began: Sender<()>,
    end: Receiver<()>,
    written: Written,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.began.send(());
        let _ = self.end.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stalled_disk_stalls_no_one_and_the_loss_is_said() {
    let settings = LogSettings {
        queue: 64 << 10,
        ..LogSettings::default()
    };
    let ((began, begun), (release, end)) = (channel(), channel());
    let written = Written::default();
    let stalled = Stalled {
        began,
        end,
        written: written.clone(),
    };
    let queue = Arc::new(Queue::new(settings.queue));
    let stream = Stream::new(stalled, Format::Json);
    let log = Log::with_outputs(&settings, vec![output(&queue, stream)]);
    dispatcher::with_default(&dispatch(&log), || {
        tracing::info!(target: "adapter_test", "the first");
        begun.recv_timeout(LIMIT).unwrap();
        for _ in 0..10_000 {
            tracing::info!(target: "adapter_test", "another");
        }
    });
    drop(release);
    let counts = log.counts();
    drop(log);
    let lines = written.lines();
    let report = lines.last().unwrap()["message"].as_str().unwrap();
    let lost: u64 = report.split(' ').next().unwrap().parse().unwrap();
    assert!(lost > 9_000, "{report}");
    assert_eq!(counts()[0].lost, lost);
    assert_eq!(lines.len() as u64 - 1 + lost, 10_001);
}

#[test]
fn lines_have_the_ids_of_the_spans_around_them() {
    let (log, written) = log_to_text(&LogSettings::default());
    dispatcher::with_default(&dispatch(&log), || {
        let outer = tracing::info_span!(
            "request",
            request_id = "r1",
            trace_id = "t1",
            component = tracing::field::Empty
        );
        let inner = tracing::info_span!(parent: &outer, "call", request_id = "r2");
        outer.record("component", "user");
        inner.in_scope(|| {
            tracing::info!(target: "adapter_test", "within both");
            tracing::info!(target: "adapter_test", component = "analytics", request_id = "", "its own");
        });
        tracing::info!(target: "adapter_test", "outside");
    });
    drop(log);
    let lines = written.lines();
    let ids = |line: &Value| {
        ["component", "request_id", "trace_id"].map(|key| line[key].as_str().map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ids(&lines[0]), [some("user"), some("r2"), some("t1")]);
    assert_eq!(ids(&lines[1]), [some("analytics"), some("r2"), some("t1")]);
    assert_eq!(ids(&lines[2]), [some("host-adapter"), None, None]);
}

#[test]
fn levels_are_those_of_the_component_or_the_library() {
    let mut settings = LogSettings {
        level: LogLevel::Warning,
        components: BTreeMap::from([
            ("loud".to_owned(), LogLevel::Debug),
            ("quiet".to_owned(), LogLevel::Critical),
        ]),
        ..LogSettings::default()
    };
    settings.libraries.sqlx = LogLevel::Debug;
    let (log, written) = log_to_text(&settings);
    dispatcher::with_default(&dispatch(&log), || {
        tracing::info!(target: "adapter_test", "no");
        tracing::warn!(target: "adapter_test", "warning");
        tracing::debug!(target: "adapter_test", component = "loud", "for loud");
        tracing::error!(target: "adapter_test", component = "quiet", "no");
        tracing::debug!(target: "sqlx::query", "of sqlx");
        tracing::info!(target: "hyper_util::client", "no");
        tracing::warn!(target: "hyper_util::client", "of hyper");
        for (component, level) in [
            ("loud", "DEBUG"),
            ("quiet", "ERROR"),
            ("quiet", "CRITICAL"),
            ("other", "INFO"),
        ] {
            let line = format!(r#"{{"level":"{level}","message":"{component} {level}"}}"#);
            tracing::info!(target: "guest", component, stream = "stderr", line);
        }
    });
    drop(log);
    let lines = written.lines();
    let messages: Vec<&str> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    let library = lines.iter().find_map(|line| line["library"].as_str());
    assert_eq!(library, Some("sqlx::query"));
    assert_eq!(
        messages,
        [
            "warning",
            "for loud",
            "of sqlx",
            "of hyper",
            "loud DEBUG",
            "quiet CRITICAL"
        ]
    );
}

#[test]
fn long_values_are_cut_and_control_characters_escaped() {
    let (log, written) = log_to_text(&LogSettings::default());
    dispatcher::with_default(&dispatch(&log), || {
        let long = "ä".repeat(20_000);
        tracing::info!(target: "adapter_test", long, debug = ?long, evil = "a\n{\"level\":\"ERROR\"}\u{9b}2J", "m");
    });
    drop(log);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(!text.trim_end().contains(char::is_control), "{text}");
    let line = &written.lines()[0];
    assert_eq!(line["evil"], "a\n{\"level\":\"ERROR\"}\u{9b}2J");
    for key in ["long", "debug"] {
        let length = line[key].as_str().unwrap().len();
        assert!((16_000..=16_384).contains(&length), "{key}: {length}");
    }
}

#[test]
fn what_components_log_on_spin_is_collected() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("user_stderr.txt");
    fs::write(&path, "of an earlier run\n").unwrap();
    let (mut log, written) = log_to_text(&LogSettings::default());
    // The collector's thread uses the subscriber of the process.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log.layer(|_| {})))
        .unwrap();
    let components = BTreeSet::from(["user".to_owned()]);
    log.collect(directory.path(), &components).unwrap();
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"{\"level\":\"ERROR\",\"component\":\"analytics\",\"message\":\"a\"}\nun")
        .unwrap();
    fs::write(directory.path().join("user_stdout.txt"), "printed\n").unwrap();
    fs::write(directory.path().join("other_stdout.txt"), "no component\n").unwrap();
    file.write_all(b"finished").unwrap();
    drop(log);
    let lines = written.lines();
    let mut found: Vec<_> = lines
        .iter()
        .map(|line| ["component", "level", "message"].map(|key| line[key].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ["user", "ERROR", "a"],
            ["user", "INFO", "printed"],
            ["user", "WARNING", "unfinished"],
        ]
    );
}
