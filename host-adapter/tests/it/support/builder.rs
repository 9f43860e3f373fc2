//! Configures and starts an [`App`].

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use super::{
    app::App,
    cluster, composed, declared,
    forward::Forwarder,
    mongodb,
    process::{Log, PrintLogOnFailure, Process},
    project,
    release::Release,
    sidecar::Sidecar,
    wasm,
};

/// The host that an app test runs on. A test that takes a mode gives the same results on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostMode {
    /// `host-adapter up` gives the components their imports.
    Embedded,
    /// As on stock Spin: adapter-client, composed into each component, calls `host-adapter serve`.
    Composed,
    /// As [`Embedded`](Self::Embedded), with documents in MongoDB instead of PostgreSQL.
    MongoDb,
}

/// The configuration of an [`App`].
pub(crate) struct Builder {
    mode: HostMode,
    pub(super) program: PathBuf,
    pub(super) project: PathBuf,
    environment: HashMap<String, String>,
    database: Option<SecretString>,
    /// Keeps the MongoDB database of [`HostMode::MongoDb`].
    documents: Option<mongodb::Database>,
    pub(super) keys: PathBuf,
    listeners: Vec<String>,
    arguments: Vec<&'static str>,
    /// How adapter-client calls the adapter.
    scheme: &'static str,
}

/// A command of the program, which inherits only `PATH` from the environment of the tests.
pub(super) fn command(program: &Path, project: &Path, keys: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SPINDLE_KEYS_DIRECTORY", keys)
        // Many applications run in the repository at the same time.
        .env(
            "SPINDLE_CONTROL_SOCKET",
            keys.with_file_name("control.sock"),
        )
        .env(
            "SPINDLE_HOST_COMPILATION_CACHE",
            super::project().join(".spindle/cache"),
        )
        .arg("--project")
        .arg(project);
    command
}

impl Builder {
    pub(crate) fn new(mode: HostMode) -> Self {
        let none = Self {
            mode,
            program: PathBuf::new(),
            project: PathBuf::new(),
            environment: HashMap::new(),
            database: None,
            documents: None,
            keys: PathBuf::new(),
            listeners: vec![],
            arguments: vec![],
            scheme: "tcp",
        };
        none.release(&Release::current())
    }

    /// Runs this release, with its own components and settings.
    pub(crate) fn release(self, release: &Release) -> Self {
        let listeners = declared::listeners(&release.project).into_iter();
        Self {
            program: release.program.clone(),
            project: release.project.clone(),
            listeners: listeners.map(|(name, _)| name).collect(),
            ..self
        }
    }

    /// Lets adapter-client call the adapter by HTTP, as it does across TLS, and not over sockets.
    pub(crate) fn over_http(mut self) -> Self {
        self.scheme = "http";
        self
    }

    /// Lets calls take as long as the test waits for an answer: for a test of numbers, which a busy machine must not
    /// fail.
    pub(crate) fn patient(self) -> Self {
        let times = [
            ("SPINDLE_POSTGRES_ACQUIRE_TIMEOUT", "40s"),
            ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "40s"),
            ("SPINDLE_DISPATCH_TIMEOUT", "40s"),
            ("SPINDLE_SERVER_REQUEST_TIMEOUT", "50s"),
            ("SPINDLE_HOST_REQUEST_TIMEOUT", "55s"),
            // Composed components have a limit of their own.
            ("SPIN_VARIABLE_ADAPTER_DEADLINE_MS", "52000"),
        ];
        let times = times.into_iter();
        times.fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Adds an argument to the command that starts the host.
    pub(crate) fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    /// Replaces the repository by another project, with these listeners.
    pub(crate) fn project(mut self, project: &Path, listeners: &[&str]) -> Self {
        self.project = project.to_owned();
        self.listeners = listeners.iter().copied().map(str::to_owned).collect();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Starts a second adapter with the database and the keys of `app`.
    pub(crate) fn beside(mut self, app: &App) -> Self {
        self.keys = app.builder.keys.clone();
        self.database(app.database.clone())
    }

    /// Uses the keys in this directory.
    pub(crate) fn keys(mut self, directory: &Path) -> Self {
        self.keys = directory.to_owned();
        self
    }

    pub(crate) fn database(mut self, url: SecretString) -> Self {
        self.database = Some(url);
        self
    }

    /// Stores documents in this MongoDB.
    pub(crate) fn mongodb(self, url: &SecretString) -> Self {
        self.env("MONGODB_URL", url.expose_secret())
    }

    /// Starts the application, and waits until it serves.
    pub(crate) async fn start(mut self) -> App {
        for component in declared::components(&project()) {
            wasm(&component);
        }
        let directory = self.prepare().await;
        let (log, address) = (Log::default(), Forwarder::new());
        let mut adapter = None;
        let mut composed = None;
        if self.mode == HostMode::Composed {
            let mut sidecar = Sidecar::new(&self);
            sidecar.start(&self, &address.url, &log).await;
            let url = sidecar.address.url_as(self.scheme);
            composed = Some(composed::project(&self.project, &url, &sidecar.tokens));
            adapter = Some(sidecar);
        }
        let project = composed
            .as_ref()
            .map_or(&*self.project, |composed| composed.path());
        let (host, listeners) = Process::start(self.command(project, "up"), &log).await;
        address.forward_to(&listeners["all routes"]);
        App {
            host,
            adapter,
            address,
            database: self.database.clone().expect("prepared"),
            builder: self,
            listeners,
            _failure: PrintLogOnFailure(log.clone()),
            log,
            directory,
            composed,
        }
    }

    /// Creates the databases, unless the test chose one, and the directory for keys.
    pub(super) async fn prepare(&mut self) -> TempDir {
        if self.database.is_none() {
            self.database = Some(cluster::database().await);
        }
        if self.mode == HostMode::MongoDb {
            let documents = mongodb::database().await;
            let url = documents.url.expose_secret().to_owned();
            self.environment.insert("MONGODB_URL".to_owned(), url);
            self.documents = Some(documents);
        }
        let directory = tempfile::tempdir().expect("a directory");
        if self.keys.as_os_str().is_empty() {
            self.keys = directory.path().join("keys");
        }
        directory
    }

    /// The command `name` of the program, which serves on free ports.
    pub(super) fn command(&self, project: &Path, name: &str) -> Command {
        let mut command = command(&self.program, project, &self.keys);
        let database = self.database.as_ref().expect("prepared");
        command
            .env("DATABASE_URL", database.expose_secret())
            // Many tests share two processors, and the default is for a whole machine.
            .env("SPINDLE_POSTGRES_CONNECTIONS", "4")
            // No load balancer must notice that the process stops.
            .env("SPINDLE_HOST_DRAIN_DELAY", "0s")
            .env("SPINDLE_SERVER_ADDRESS", "127.0.0.1:0")
            .env("SPINDLE_MANAGEMENT_ADDRESS", "127.0.0.1:0");
        for listener in &self.listeners {
            command.env(declared::variable(listener), "127.0.0.1:0");
        }
        command
            .envs(&self.environment)
            .arg(name)
            .args(&self.arguments);
        command
    }
}
