//! Runs PostgreSQL's programs on one cluster: `initdb`, `pg_ctl start`, `pg_ctl stop`.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::Options;
use super::account::{Account, failed};
use super::errors::DevError;
use super::place::Place;
use super::programs::Programs;

/// The cluster's superuser.
pub(super) const ROLE: &str = "spindle";

/// What a laptop can spare. The system's own cache does the rest.
const SHARED_BUFFERS: &str = "32MB";

/// For `pg_ctl` to wait, in seconds. Recovery after a power cut takes longest.
pub(super) const PATIENCE_SECONDS: u64 = 60;

/// How much of the log an error repeats.
const TAIL_BYTES: i64 = 4_096;
const TAIL_LINES: usize = 12;

/// Sorted by code point and the same on every machine, with letters of every language recognised.
/// macOS has no such locale.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "C"
} else {
    "C.UTF-8"
};

/// A cluster that may be running or not, or not exist yet.
pub(super) struct Cluster {
    pub(super) place: Place,
    pub(super) programs: Programs,
    pub(super) account: Account,
}

impl Cluster {
    /// Make the data, with `password` for [`ROLE`]. Complete or not at all: an interrupted one
    /// leaves a directory that the next call removes.
    pub(super) async fn initialise(&self, password: &str, durable: bool) -> Result<(), DevError> {
        let unfinished = self.place.directory.join("data.new");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(failed("removing", &unfinished))?;
        }
        self.write_private(&self.place.password(), password)?;
        let mut command = self.command("initdb");
        command
            .arg("--pgdata")
            .arg(&unfinished)
            .arg("--pwfile")
            .arg(self.place.password());
        command.args(["--username", ROLE, "--auth", "scram-sha-256"]);
        command.args(["--encoding", "UTF8", "--locale", LOCALE]);
        if !durable {
            command.arg("--no-sync");
        }
        self.run(command, "initdb").await?;
        let data = self.place.data();
        std::fs::rename(&unfinished, &data).map_err(failed("naming", &data))
    }

    /// Start the server and wait until it accepts connections.
    pub(super) async fn start(&self, options: &Options) -> Result<(), DevError> {
        let (log, previous) = (self.place.log(), self.place.directory.join("log.previous"));
        if log.exists() {
            std::fs::rename(&log, &previous).map_err(failed("renaming", &log))?;
        }
        let settings = settings(options, &self.place.socket_directory);
        self.write_private(&self.place.data().join("postgresql.conf"), &settings)?;
        let mut command = self.pg_ctl("start");
        command
            .arg("--log")
            .arg(&log)
            .arg("--timeout")
            .arg(PATIENCE_SECONDS.to_string());
        self.run(command, "pg_ctl start").await
    }

    /// Stop the server, ending its connections, and wait until it is gone.
    pub(super) async fn stop(&self) -> Result<(), DevError> {
        let mut command = self.pg_ctl("stop");
        command
            .args(["--mode", "fast", "--timeout"])
            .arg(PATIENCE_SECONDS.to_string());
        self.run(command, "pg_ctl stop").await
    }

    /// Whether a server runs on the data. The process that its file names may be dead, or, as after
    /// a restart of the machine, something else.
    pub(super) async fn is_running(&self) -> bool {
        let data = self.place.data();
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
        // A server works in its data directory for as long as it lives.
        let directory = std::fs::read_link(format!("/proc/{process}/cwd"));
        matches!((directory, std::fs::canonicalize(&data)), (Ok(one), Ok(other)) if one == other)
    }

    /// Remove what a dead server left, because PostgreSQL believes it when the server's number is
    /// in use again, and say whether there was anything. To be called when
    /// [`Cluster::is_running`] says no; the socket's directory is this cluster's alone.
    pub(super) fn remove_traces(&self) -> Result<bool, DevError> {
        let sockets = &self.place.socket_directory;
        let traces = [
            self.place.data().join("postmaster.pid"),
            sockets.join(".s.PGSQL.5432"),
            sockets.join(".s.PGSQL.5432.lock"),
        ];
        let mut found = false;
        for trace in traces {
            match std::fs::remove_file(&trace) {
                Ok(()) => found = true,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed("removing", &trace)(error)),
            }
        }
        Ok(found)
    }

    /// The last lines of PostgreSQL's log.
    pub(super) fn log_tail(&self) -> String {
        tail(&self.place.log()).unwrap_or_default()
    }

    fn pg_ctl(&self, action: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command
            .arg(action)
            .args(["--silent", "--wait", "--pgdata"])
            .arg(self.place.data());
        command
    }

    /// A program as the cluster's user, with nothing of our environment, which may hold secrets
    /// and settings for other clusters.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.program(name));
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
            .current_dir(&self.place.directory)
            .stdin(Stdio::null());
        self.account.run(command.as_std_mut());
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
        let said = String::from_utf8_lossy(&output.stderr);
        Err(failure(
            format!("{}\n{}", said.trim_end(), self.log_tail())
                .trim()
                .to_owned(),
        ))
    }

    /// A new file that only the cluster's user can read, in place of an old one.
    fn write_private(&self, path: &Path, text: &str) -> Result<(), DevError> {
        let new = path.with_extension("new");
        // What is there may be a link to somewhere else; a new file never is.
        let _ = std::fs::remove_file(&new);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&new);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed("writing", &new))?;
        self.account.own(&new)?;
        std::fs::rename(&new, path).map_err(failed("writing", path))
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

fn tail(path: &Path) -> std::io::Result<String> {
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
    fn a_quote_in_the_path_stays_inside_the_setting() {
        let text = settings(&Options::default(), Path::new("/it's here"));
        assert!(
            text.contains("unix_socket_directories = '/it''s here'\n"),
            "{text}"
        );
        assert!(text.contains("fsync = on\n"), "{text}");
    }

    #[test]
    fn the_tail_is_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let lines: Vec<String> = (0..1_000).map(|number| format!("line {number}")).collect();
        std::fs::write(&log, lines.join("\n")).unwrap();
        let tail = tail(&log).unwrap();
        assert!(
            tail.starts_with("line 988\n") && tail.ends_with("line 999"),
            "{tail}"
        );
    }
}
