//! Child processes. They stop when they are dropped, whatever ends the measurement.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

/// A first start compiles the components.
const START_TIMEOUT: Duration = Duration::from_secs(180);

/// Longer than `host.shutdown_timeout`, after which `host-adapter` ends by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

const INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a process, whose standard output goes to `log`.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> anyhow::Result<Self> {
        let output = std::fs::File::create(&log)?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            // Ctrl-C reaches only this program, which stops the others in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting `{name}`"))?;
        Ok(Self { child, log })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process has printed what `read` finds.
    pub(crate) async fn output<T>(
        &mut self,
        read: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let log = self.log.clone();
        self.wait_for(|| read(&std::fs::read_to_string(&log).ok()?))
            .await
    }

    /// Waits until the process listens.
    pub(crate) async fn listens(&mut self, address: &str) -> anyhow::Result<()> {
        self.wait_for(|| std::net::TcpStream::connect(address).ok().map(drop))
            .await
    }

    async fn wait_for<T>(&mut self, condition: impl Fn() -> Option<T>) -> anyhow::Result<T> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(found) = condition() {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("a process did not start ({status}){}", self.tail());
            }
            let seconds = START_TIMEOUT.as_secs();
            anyhow::ensure!(
                Instant::now() < deadline,
                "a process did not start within {seconds} s{}",
                self.tail()
            );
            sleep(INTERVAL).await;
        }
    }

    fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        if text.is_empty() {
            return String::new();
        }
        format!(": {}", text.trim())
    }

    fn stop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id
            && matches!(self.child.try_wait(), Ok(None))
        {
            // A shell that runs this program in the background lets its children ignore SIGINT.
            let _ = kill_process(id, Signal::TERM);
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(INTERVAL);
        }
        // Fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address for a process that cannot say which port it was given.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// The value of a line of a banner, such as `  all routes    http://127.0.0.1:3000`, if the text is complete,
/// which `end` shows.
pub(crate) fn banner(text: &str, name: &str, end: &str) -> Option<String> {
    if !text.contains(end) {
        return None;
    }
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.trim_start().strip_prefix(name))?;
    Some(value.split_whitespace().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const UP: &str = "Spindle is up\n\n  all routes   http://127.0.0.1:4000\n  \
        user         http://127.0.0.1:4001\n\nPlain bodies are accepted. Try:\n";

    #[test]
    fn a_banner_is_read_when_it_is_complete() {
        let url = banner(UP, "all routes", "Try:");
        assert_eq!(url.as_deref(), Some("http://127.0.0.1:4000"));
        let (begin, _) = UP.split_once("Plain").unwrap();
        assert_eq!(banner(begin, "all routes", "Try:"), None);
        assert_eq!(banner(UP, "adapter", "Try:"), None);
    }

    #[tokio::test]
    async fn a_process_that_ends_is_not_waited_for() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo the port is taken; exit 3"]);
        let log = std::env::temp_dir().join(format!("bench-{}.log", uuid::Uuid::now_v7()));
        let mut process = Process::start(command, log.clone()).unwrap();
        let error = process
            .output(|_| None::<()>)
            .await
            .unwrap_err()
            .to_string();
        std::fs::remove_file(log).unwrap();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("the port is taken"), "{error}");
    }

    #[tokio::test]
    async fn a_dropped_process_ends() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let log = std::env::temp_dir().join(format!("bench-{}.log", uuid::Uuid::now_v7()));
        let process = Process::start(command, log.clone()).unwrap();
        let directory = format!("/proc/{}", process.id());
        assert!(Path::new(&directory).exists());
        drop(process);
        std::fs::remove_file(log).unwrap();
        assert!(!Path::new(&directory).exists());
    }
}
