//! A PostgreSQL that may be killed and frozen, and whose clock may be wrong.

use std::{
    fs::File,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use host_adapter::dev::{Options, PrivatePostgres};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Executor as _};

use super::clock::Clock;
use crate::support::{cluster, process::send_signal, until};

pub(super) const DATABASE: &str = "torture";

pub(super) struct Postgres {
    pub(super) clock: Clock,
    /// The program of the server.
    program: PathBuf,
    server: Option<Child>,
    running: Option<PrivatePostgres>,
    directory: PathBuf,
}

impl Postgres {
    /// Starts it with an empty database. The default options are durable. Otherwise a commit is acknowledged before
    /// it is written.
    pub(super) async fn new() -> Self {
        let name = format!("spindle-torture-{}", uuid::Uuid::now_v7());
        let directory = std::env::temp_dir().join(name);
        let created = PrivatePostgres::start(&directory, &Options::default()).await;
        let created = created.expect("PostgreSQL");
        let create = format!("create database {DATABASE}");
        let mut sql = cluster::connect(&created.url("postgres")).await;
        let done = sql.execute(AssertSqlSafe(create)).await;
        done.expect("create a database");
        // Not necessarily the one that was asked for.
        let directory = created.directory().to_owned();
        let pid = read_pid(&directory).expect("a file with it");
        let program = std::fs::read_link(format!("/proc/{pid}/exe")).expect("a program");
        created.stop().await.expect("stop");
        let mut postgres = Self {
            // Where the user that runs it can read the file.
            clock: Clock::new(&directory, "postgres"),
            program,
            server: None,
            running: None,
            directory,
        };
        postgres.start().await;
        postgres
    }

    /// Starts it, again if it was killed.
    pub(super) async fn start(&mut self) {
        drop(self.running.take());
        self.end_server();
        let (mut server, directory) = (self.spawn(), self.directory.clone());
        // The processes of connections may outlive a killed server for a moment, and then the next one ends.
        until("a server", async || {
            if server.try_wait().expect("wait").is_some() {
                server = self.spawn();
            }
            (read_pid(&directory) == Some(server.id())).then_some(())
        })
        .await;
        self.server = Some(server);
        // Adopts it.
        let started = PrivatePostgres::start(&self.directory, &Options::default()).await;
        self.running = Some(started.expect("PostgreSQL"));
    }

    fn spawn(&self) -> Child {
        let data = self.directory.join("data");
        let owner = std::fs::metadata(&data).expect("a directory");
        let mut log = File::options();
        log.create(true).append(true);
        let log = log.open(self.directory.join("log")).expect("a log");
        let mut command = Command::new(&self.program);
        command.arg("-D").arg(&data).env_clear().env("LC_ALL", "C");
        self.clock.give_to_postgres(&mut command);
        command
            .uid(owner.uid())
            .gid(owner.gid())
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().expect("the server starts")
    }

    fn running(&self) -> &PrivatePostgres {
        self.running.as_ref().expect("running")
    }

    pub(super) fn url(&self) -> SecretString {
        self.running().url(DATABASE)
    }

    /// The process of the server itself.
    pub(super) fn pid(&self) -> u32 {
        self.server.as_ref().expect("running").id()
    }

    /// Signals the server, which forks no more then, and the processes of its connections.
    pub(super) fn signal_all(&self, name: &str) {
        let pid = self.pid();
        send_signal(pid, name);
        let mut children = Command::new("pkill");
        children.args([&format!("-{name}"), "-P", &pid.to_string()]);
        children.status().expect("pkill");
    }

    pub(super) async fn stop(mut self) {
        let running = self.running.take().expect("running");
        running.stop().await.expect("stop");
    }

    fn end_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The process of the server on the data in `directory`.
fn read_pid(directory: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(directory.join("data/postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}

impl Drop for Postgres {
    /// A failed test leaves no server behind.
    fn drop(&mut self) {
        self.end_server();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
