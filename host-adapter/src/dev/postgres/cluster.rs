//! Runs PostgreSQL's programs on one cluster: `initdb`, `pg_ctl start` and `pg_ctl stop`.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::Options;
use super::account::{Account, file_error};
use super::data_directory::DataDirectory;
use super::errors::DevError;
use super::programs::Programs;

/// The cluster's superuser.
pub(super) const ROLE: &str = "spindle";

/// Small, for a laptop. The system's page cache compensates.
const SHARED_BUFFERS: &str = "32MB";

/// Time that `pg_ctl` waits, in seconds. Recovery after a power cut takes longest.
pub(super) const TIMEOUT_SECONDS: u64 = 60;

/// How much of the log an error includes.
const TAIL_BYTES: i64 = 4_096;
const TAIL_LINES: usize = 12;

/// Sorts by code point on every machine, and classifies the letters of all languages. macOS does not
/// have `C.UTF-8`.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "C"
} else {
    "C.UTF-8"
};

/// A cluster. It may be running, stopped, or not created yet.
pub(super) struct Cluster {
    pub(super) directory: DataDirectory,
    pub(super) programs: Programs,
    pub(super) account: Account,
}

impl Cluster {
    /// Creates the data, with `password` for [`ROLE`]. The data directory gets its name only when it
    /// is complete. If this is interrupted, the next call removes the incomplete directory.
    pub(super) async fn initialise(&self, password: &str, durable: bool) -> Result<(), DevError> {
        let unfinished = self.directory.root.join("data.new");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(file_error("removing", &unfinished))?;
        }
        self.write_private(&self.directory.password(), password)?;
        let mut command = self.command("initdb");
        command
            .arg("--pgdata")
            .arg(&unfinished)
            .arg("--pwfile")
            .arg(self.directory.password());
        command.args(["--username", ROLE, "--auth", "scram-sha-256"]);
        command.args(["--encoding", "UTF8", "--locale", LOCALE]);
        if !durable {
            command.arg("--no-sync");
        }
        self.run(command, "initdb").await?;
        let data = self.directory.data();
        std::fs::rename(&unfinished, &data).map_err(file_error("creating", &data))
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) async fn start(&self, options: &Options) -> Result<(), DevError> {
        let (log, previous) = (
            self.directory.log(),
            self.directory.root.join("log.previous"),
        );
        if log.exists() {
            std::fs::rename(&log, &previous).map_err(file_error("renaming", &log))?;
        }
        let settings = settings(options, &self.directory.socket);
        self.write_private(&self.directory.data().join("postgresql.conf"), &settings)?;
        let mut command = self.pg_ctl("start");
        command
            .arg("--log")
            .arg(&log)
            .arg("--timeout")
            .arg(TIMEOUT_SECONDS.to_string());
        self.run(command, "pg_ctl start").await
    }

    /// Closes the server's connections, stops it, and waits until it has exited.
    pub(super) async fn stop(&self) -> Result<(), DevError> {
        let mut command = self.pg_ctl("stop");
        command
            .args(["--mode", "fast", "--timeout"])
            .arg(TIMEOUT_SECONDS.to_string());
        self.run(command, "pg_ctl stop").await
    }

    /// Whether a server runs on the data. The process in `postmaster.pid` may be dead, or, after a
    /// restart of the machine, a different program.
    pub(super) async fn is_running(&self) -> bool {
        let data = self.directory.data();
        let Ok(text) = std::fs::read_to_string(data.join("postmaster.pid")) else {
            return false;
        };
        let Some(process) = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse::<u32>().ok())
        else {
            return false;
        };
        if !Path::new("/proc/self").exists() {
            let status = self.pg_ctl("status").status().await;
            return status.is_ok_and(|status| status.success());
        }
        // The working directory of a server is always its data directory.
        let directory = std::fs::read_link(format!("/proc/{process}/cwd"));
        matches!((directory, std::fs::canonicalize(&data)), (Ok(one), Ok(other)) if one == other)
    }

    /// Removes the files that a dead server left, and returns whether there were any. PostgreSQL would
    /// not start if another process now has the server's process id.
    ///
    /// Call it only if [`Cluster::is_running`] returns `false`. No other cluster uses the socket's
    /// directory.
    pub(super) fn remove_stale_files(&self) -> Result<bool, DevError> {
        let sockets = &self.directory.socket;
        let stale = [
            self.directory.data().join("postmaster.pid"),
            sockets.join(".s.PGSQL.5432"),
            sockets.join(".s.PGSQL.5432.lock"),
        ];
        let mut found = false;
        for path in stale {
            match std::fs::remove_file(&path) {
                Ok(()) => found = true,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(file_error("removing", &path)(error)),
            }
        }
        Ok(found)
    }

    /// The last lines of PostgreSQL's log.
    pub(super) fn log_tail(&self) -> String {
        read_tail(&self.directory.log()).unwrap_or_default()
    }

    fn pg_ctl(&self, action: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command
            .arg(action)
            .args(["--silent", "--wait", "--pgdata"])
            .arg(self.directory.data());
        command
    }

    /// A program that runs as the cluster's user. It does not inherit the environment, which may
    /// contain secrets, and settings for other clusters.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.program(name));
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
            .current_dir(&self.directory.root)
            .stdin(Stdio::null());
        self.account.configure(command.as_std_mut());
        command
    }

    async fn run(&self, mut command: Command, program: &str) -> Result<(), DevError> {
        let failure = |output: String| DevError::Program {
            program: program.to_owned(),
            output,
        };
        let output = command
            .output()
            .await
            .map_err(|error| failure(error.kind().to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(failure(
            format!("{}\n{}", message.trim_end(), self.log_tail())
                .trim()
                .to_owned(),
        ))
    }

    /// Writes a file that only the cluster's user can read, and replaces an existing one.
    fn write_private(&self, path: &Path, text: &str) -> Result<(), DevError> {
        let new = path.with_extension("new");
        // An existing file may be a link to another place. A new file is not.
        let _ = std::fs::remove_file(&new);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&new);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(file_error("writing", &new))?;
        self.account.take_ownership(&new)?;
        std::fs::rename(&new, path).map_err(file_error("writing", path))
    }
}

fn settings(options: &Options, socket_directory: &Path) -> String {
    let durable = if options.durable { "on" } else { "off" };
    let socket_directory = socket_directory.display().to_string().replace('\'', "''");
    let max_connections = options.max_connections;
    format!(
        "# Written by host-adapter at every start.\n\
         listen_addresses = ''\n\
         unix_socket_directories = '{socket_directory}'\n\
         unix_socket_permissions = 0700\n\
         port = 5432\n\
         max_connections = {max_connections}\n\
         shared_buffers = {SHARED_BUFFERS}\n\
         max_wal_size = 256MB\n\
         password_encryption = scram-sha-256\n\
         fsync = {durable}\n\
         synchronous_commit = {durable}\n\
         full_page_writes = {durable}\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         lc_messages = 'C'\n"
    )
}

fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
    file.seek(SeekFrom::End(-length.min(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    Ok(lines
        .into_iter()
        .skip(skipped)
        .collect::<Vec<&str>>()
        .join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_in_path_is_escaped() {
        let text = settings(&Options::default(), Path::new("/it's here"));
        assert!(
            text.contains("unix_socket_directories = '/it''s here'\n"),
            "{text}"
        );
        assert!(text.contains("fsync = on\n"), "{text}");
    }

    #[test]
    fn tail_has_last_lines() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let lines: Vec<String> = (0..1_000).map(|number| format!("line {number}")).collect();
        std::fs::write(&log, lines.join("\n")).unwrap();
        let tail = read_tail(&log).unwrap();
        assert!(
            tail.starts_with("line 988\n") && tail.ends_with("line 999"),
            "{tail}"
        );
    }
}
