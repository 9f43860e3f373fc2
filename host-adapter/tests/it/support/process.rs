//! A process of the program under test, from its banner to the end of its log.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use serde_json::{Value, json};

/// The log entries of all processes of a test.
pub(crate) type Log = Arc<Mutex<Vec<Value>>>;

/// Prints the log when the test fails, because it usually contains the cause.
pub(crate) struct PrintLogOnFailure(pub(crate) Log);

impl Drop for PrintLogOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.0.lock().expect("log").iter() {
                println!("{line}");
            }
        }
    }
}

/// A running process, which is killed when this value is dropped.
pub(crate) struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the process, waits until it serves, and returns the addresses in its banner by name.
    pub(crate) async fn start(mut command: Command, log: &Log) -> (Self, HashMap<String, String>) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("host-adapter starts");
        let stderr = child.stderr.take().expect("piped");
        let mut readers = vec![std::thread::spawn({
            let log = log.clone();
            let copy = copy_of_log(child.id());
            move || collect_log(BufReader::new(stderr), &log, copy)
        })];
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (addresses, mut stdout) =
            tokio::task::spawn_blocking(move || (read_addresses(&mut stdout), stdout))
                .await
                .expect("banner");
        assert!(
            !addresses.is_empty(),
            "it did not start: {:#?}",
            log.lock().expect("log")
        );
        readers.push(std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
        }));
        (Self { child, readers }, addresses)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `SIGTERM`, waits until the process has ended, and returns its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        send_signal(self.pid(), "TERM");
        let status = super::until("the end of the process", async || {
            self.child.try_wait().expect("wait")
        });
        let code = status.await.code();
        for reader in self.readers.drain(..) {
            reader.join().expect("reader");
        }
        code
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the banner, up to the last line that the program prints before it serves.
fn read_addresses(stdout: &mut impl BufRead) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for line in stdout.lines() {
        let line = line.expect("a line");
        let address = line.trim().split_once(char::is_whitespace);
        let start = ["http", "tcp://"].iter().find_map(|url| line.find(url));
        if let Some((name, url)) = start
            .filter(|_| line.starts_with("  ") && address.is_some())
            .map(|start| line.split_at(start))
        {
            found
                .entry(name.trim().to_owned())
                .or_insert(url.to_owned());
        }
        if line.trim_start().starts_with("Try:")
            || line.ends_with("Try:")
            || line.starts_with("Start the components")
        {
            break;
        }
    }
    found
}

/// A file that keeps everything that a process logs, in the directory `TEST_LOGS` if that is set.
/// A check over all of them follows the tests. The file is named after the test, which is its thread's name.
fn copy_of_log(pid: u32) -> Option<File> {
    let directory = PathBuf::from(std::env::var_os("TEST_LOGS")?);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unknown").replace("::", ".");
    std::fs::create_dir_all(&directory).expect("TEST_LOGS can be created");
    Some(File::create(directory.join(format!("{test}.{pid}.log"))).expect("a file"))
}

/// Collects the log. A line that is not JSON is kept under the key `not JSON`, so that it is visible
/// in a failed test.
fn collect_log(lines: impl BufRead, log: &Mutex<Vec<Value>>, mut copy: Option<File>) {
    for line in lines.lines().map_while(Result::ok) {
        if let Some(copy) = &mut copy {
            writeln!(copy, "{line}").expect("TEST_LOGS can be written");
        }
        let entry = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not JSON": line }));
        log.lock().expect("log").push(entry);
    }
}

pub(crate) fn send_signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(status.expect("kill").success(), "kill -{name} {pid}");
}
