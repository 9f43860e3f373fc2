//! A process of the program under test, from its banner to its last line.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use serde_json::{Value, json};

/// What was logged, by all processes of a test.
pub(crate) type Log = Arc<Mutex<Vec<Value>>>;

/// Prints the log when the test fails: it says the more with what the program said.
pub(crate) struct LogOfFailure(pub(crate) Log);

impl Drop for LogOfFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.0.lock().expect("log").iter() {
                println!("{line}");
            }
        }
    }
}

/// Running, until dropped.
pub(crate) struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it, waits until it serves, and gives the addresses that its banner names.
    pub(crate) async fn start(mut command: Command, log: &Log) -> (Self, HashMap<String, String>) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("host-adapter starts");
        let stderr = child.stderr.take().expect("piped");
        let mut readers = vec![std::thread::spawn({
            let log = log.clone();
            move || collect(BufReader::new(stderr), &log)
        })];
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (addresses, mut stdout) =
            tokio::task::spawn_blocking(move || (addresses(&mut stdout), stdout))
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

    /// Asks it to stop, waits for the end, and gives its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        signal(self.pid(), "TERM");
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

/// Reads the banner up to the line that is printed last before serving.
fn addresses(stdout: &mut impl BufRead) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for line in stdout.lines() {
        let line = line.expect("a line");
        let address = line.trim().split_once(char::is_whitespace);
        if let Some((name, url)) = line
            .find("http")
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

/// Keeps the log, and insists that every line of it is JSON with the keys that a query needs.
fn collect(lines: impl BufRead, log: &Mutex<Vec<Value>>) {
    for line in lines.lines().map_while(Result::ok) {
        let entry = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not JSON": line }));
        log.lock().expect("log").push(entry);
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(status.expect("kill").success(), "kill -{name} {pid}");
}
