//! A PostgreSQL that may be killed and frozen.

use std::path::PathBuf;

use host_adapter::dev::{Options, PrivatePostgres};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::{cluster, process::send_signal};

pub(super) const DATABASE: &str = "torture";

pub(super) struct Postgres {
    running: Option<PrivatePostgres>,
    directory: PathBuf,
}

impl Postgres {
    /// Starts it with an empty database.
    pub(super) async fn new() -> Self {
        let name = format!("spindle-torture-{}", uuid::Uuid::now_v7());
        let mut postgres = Self {
            running: None,
            directory: std::env::temp_dir().join(name),
        };
        postgres.start().await;
        let url = postgres.running().url("postgres");
        let create = format!("create database {DATABASE}");
        let created = cluster::connect(&url)
            .await
            .execute(AssertSqlSafe(create))
            .await;
        created.expect("create a database");
        postgres
    }

    /// Starts it, again if it was killed. The default options are durable. Otherwise a commit is acknowledged
    /// before it is written.
    pub(super) async fn start(&mut self) {
        drop(self.running.take());
        let started = PrivatePostgres::start(&self.directory, &Options::default()).await;
        self.running = Some(started.expect("PostgreSQL"));
    }

    fn running(&self) -> &PrivatePostgres {
        self.running.as_ref().expect("running")
    }

    pub(super) fn url(&self) -> SecretString {
        self.running().url(DATABASE)
    }

    /// The process of the server itself.
    pub(super) fn pid(&self) -> u32 {
        self.find_pid().expect("a file with it")
    }

    fn find_pid(&self) -> Option<u32> {
        let file = self
            .running
            .as_ref()?
            .directory()
            .join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().next()?.parse().ok()
    }

    /// Signals the server, which forks no more then, and the processes of its connections.
    pub(super) fn signal_all(&self, name: &str) {
        let pid = self.pid();
        send_signal(pid, name);
        let mut children = std::process::Command::new("pkill");
        children.args([&format!("-{name}"), "-P", &pid.to_string()]);
        children.status().expect("pkill");
    }

    pub(super) async fn stop(mut self) {
        let running = self.running.take().expect("running");
        running.stop().await.expect("stop");
        std::fs::remove_dir_all(&self.directory).expect("remove the cluster");
    }
}

impl Drop for Postgres {
    /// A failed test leaves no server behind.
    fn drop(&mut self) {
        if let Some(pid) = self.find_pid() {
            send_signal(pid, "KILL");
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}
