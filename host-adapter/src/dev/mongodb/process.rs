//! The server's process, which ends with ours.
//!
//! A shell waits for the end of its standard input, a pipe whose other end only we hold. The
//! system closes that end when this process is killed.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{MongoDbError, failed, program};

/// Time for a server to write its data and exit. After that it is killed, which loses no data.
const SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_secs(20);

/// Pause between checks whether the server has exited.
const INTERVAL: Duration = Duration::from_millis(20);

/// How many lines of the log an error repeats.
const TAIL_LINES: usize = 12;

/// Stops the server if we are killed. Its process id cannot be reused yet: we are its parent, and
/// end the shell before we ask for the server's end.
const WATCH: &str = r#"
cat > /dev/null
kill -"$1" "$2"
[ -z "$3" ] || rm -rf "$3"
"#;

/// A server, until dropped.
#[derive(Debug)]
pub(super) struct Process {
    server: Child,
    watch: Child,
    directory: PathBuf,
    temporary: bool,
}

impl Process {
    pub(super) fn start(
        program: &Path,
        directory: &Path,
        port: u16,
        temporary: bool,
    ) -> Result<Self, MongoDbError> {
        let data = directory.join("mongod");
        std::fs::create_dir_all(&data).map_err(failed("creating", &data))?;
        let path = log(directory);
        let output = File::create(&path).map_err(failed("creating", &path))?;
        let errors = output.try_clone().map_err(failed("opening", &path))?;
        let mut command = program::command(program, &data, port);
        // A group of its own: Ctrl-C in a terminal goes to all of ours, and the server ends after
        // those who use it.
        let server = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn();
        let mut server = server.map_err(failed("starting a server in", directory))?;
        match watch(server.id(), directory, temporary) {
            Ok(watch) => Ok(Self {
                server,
                watch,
                directory: directory.to_owned(),
                temporary,
            }),
            Err(error) => {
                let _ = server.kill();
                let _ = server.wait();
                Err(failed("watching over the server in", directory)(error))
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.server.try_wait(), Ok(None))
    }

    /// The last lines that the server said.
    pub(super) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(log(&self.directory)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        lines
            .into_iter()
            .skip(skipped)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Sends SIGTERM with the program `kill`, because `Child::kill` can only send SIGKILL.
    fn terminate(&mut self) {
        if self.temporary || self.has_ended() {
            return;
        }
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let deadline = Instant::now() + SHUTDOWN_GRACE_PERIOD;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(INTERVAL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
        self.terminate();
        let _ = self.server.kill();
        let _ = self.server.wait();
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

fn watch(server: u32, directory: &Path, temporary: bool) -> std::io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", WATCH, "sh"]);
    command.arg(if temporary { "KILL" } else { "TERM" });
    command.arg(server.to_string());
    command.arg(if temporary { directory } else { Path::new("") });
    command
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn log(directory: &Path) -> PathBuf {
    directory.join("log")
}
