//! The program under test, in separate processes: on the embedded host (`host-adapter up`), or as on
//! stock Spin (composed components and `host-adapter serve`). A test that takes a [`HostMode`] runs on
//! both with the same assertions.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    client::Request,
    cluster, composed,
    forward::Forward,
    mongodb,
    process::{Log, LogOfFailure, Process},
    project,
    sidecar::Sidecar,
    wasm,
};

/// How components get what they import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostMode {
    /// From the host itself.
    Embedded,
    /// From adapter-client, composed into them, which calls `host-adapter serve`.
    Composed,
    /// From the host itself, which keeps documents in MongoDB instead of PostgreSQL.
    MongoDb,
}

/// How to start it.
pub(crate) struct Builder {
    mode: HostMode,
    pub(super) project: PathBuf,
    environment: HashMap<String, String>,
    database: Option<SecretString>,
    documents: Option<mongodb::Database>,
    keys: PathBuf,
    listeners: Vec<&'static str>,
    arguments: Vec<&'static str>,
}

/// Running, until dropped.
pub(crate) struct App {
    host: Process,
    /// `host-adapter serve`, where it is apart.
    adapter: Option<Sidecar>,
    /// Where the adapter finds the application.
    address: Forward,
    builder: Builder,
    listeners: HashMap<String, String>,
    log: Log,
    pub(crate) database: SecretString,
    /// Keys, and whatever else the test puts there.
    pub(crate) directory: TempDir,
    _composed: Option<TempDir>,
    _failure: LogOfFailure,
}

/// What it starts with is exactly what the test says.
fn command(project: &Path, keys: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-adapter"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SPINDLE_KEYS_DIRECTORY", keys)
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
        let listeners = vec!["APP", "USER", "ANALYTICS"];
        Self {
            mode,
            project: project(),
            environment: HashMap::new(),
            database: None,
            documents: None,
            keys: PathBuf::new(),
            listeners,
            arguments: vec![],
        }
    }

    /// One more argument of the command that serves.
    pub(crate) fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    /// Another project than the repository's, with these listeners.
    pub(crate) fn project(mut self, project: &Path, listeners: &[&'static str]) -> Self {
        self.project = project.to_owned();
        self.listeners = listeners.to_vec();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn database(mut self, url: SecretString) -> Self {
        self.database = Some(url);
        self
    }

    /// Documents in this MongoDB.
    pub(crate) fn mongodb(self, url: &SecretString) -> Self {
        self.env("MONGODB_URL", url.expose_secret())
    }

    pub(crate) async fn start(mut self) -> App {
        for component in ["user", "analytics", "gateway"] {
            wasm(component);
        }
        let directory = self.prepare().await;
        let (log, address) = (Log::default(), Forward::new());
        let mut adapter = None;
        let mut composed = None;
        if self.mode == HostMode::Composed {
            let mut sidecar = Sidecar::new(&self);
            sidecar.start(&self, &address.url, &log).await;
            let url = &sidecar.address.url;
            composed = Some(composed::project(&self.project, url, &sidecar.tokens));
            adapter = Some(sidecar);
        }
        let project = composed
            .as_ref()
            .map_or(&*self.project, |composed| composed.path());
        let (host, listeners) = Process::start(self.command(project, "up"), &log).await;
        address.lead_to(&listeners["all routes"]);
        App {
            host,
            adapter,
            address,
            database: self.database.clone().expect("prepared"),
            builder: self,
            listeners,
            _failure: LogOfFailure(log.clone()),
            log,
            directory,
            _composed: composed,
        }
    }

    /// Makes sure of a database, and of a place for keys: the directory.
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
        self.keys = directory.path().join("keys");
        directory
    }

    /// A command of the program that serves on free ports.
    pub(super) fn command(&self, project: &Path, name: &str) -> Command {
        let mut command = command(project, &self.keys);
        let database = self.database.as_ref().expect("prepared");
        command
            .env("DATABASE_URL", database.expose_secret())
            // Two processors run many of these at once; the defaults are for a machine of its own.
            .env("SPINDLE_POSTGRES_CONNECTIONS", "4")
            .env("SPINDLE_SERVER_ADDRESS", "127.0.0.1:0");
        for listener in &self.listeners {
            command.env(format!("SPINDLE_LISTEN_{listener}"), "127.0.0.1:0");
        }
        command
            .envs(&self.environment)
            .arg(name)
            .args(&self.arguments);
        command
    }
}

impl App {
    /// The whole application with the repository's settings.
    pub(crate) async fn start(mode: HostMode) -> Self {
        Builder::new(mode).start().await
    }

    /// A request to the whole application.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        self.request_to("all routes", method, path)
    }

    /// A request to one of the listeners.
    pub(crate) fn request_to(&self, listener: &str, method: Method, path: &str) -> Request {
        Request::new(method, &format!("{}{path}", self.listeners[listener]))
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// Where a listener is, as `http://address`.
    pub(crate) fn url(&self, listener: &str) -> &str {
        &self.listeners[listener]
    }

    /// Registers `name` with a password that [`App::token`] knows.
    pub(crate) async fn register(&self, name: &str) -> super::Answer {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        self.post("/api/v1/users/register").json(&body).send().await
    }

    /// Logs `name` in.
    pub(crate) async fn log_in(&self, name: &str, password: &str) -> super::Answer {
        self.post("/api/v1/users/login")
            .json(&json!({ "username": name, "password": password }))
            .send()
            .await
    }

    /// Registers `name` and logs in.
    pub(crate) async fn token(&self, name: &str) -> String {
        self.register(name).await.expect(201);
        let answer = self.log_in(name, PASSWORD).await.expect(200);
        answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Statistics as soon as `events` are counted: messages are delivered in the background.
    pub(crate) async fn statistics(&self, events: u64) -> Value {
        super::until(&format!("{events} events"), async || {
            let answer = self.get("/api/v1/analytics/stats").send().await;
            let data = (answer.status == 200).then(|| answer.json()["data"].clone())?;
            (data["total_events"] == events).then_some(data)
        })
        .await
    }

    /// Another command of the program, with the same keys and database.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(&self.builder.project, &self.builder.keys);
        command
            .env("DATABASE_URL", self.database.expose_secret())
            .args(arguments);
        command
            .stdin(Stdio::null())
            .output()
            .expect("host-adapter runs")
    }

    /// Runs a script in the project, where the program finds this application. It ends with the first
    /// command that fails, and fails the test when it takes longer than `limit`.
    pub(crate) async fn shell(&self, script: &str, limit: Duration) -> Output {
        let address = self.url("all routes").trim_start_matches("http://");
        let output = tokio::process::Command::new("sh")
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SPINDLE_KEYS_DIRECTORY", &self.builder.keys)
            .env("SPINDLE_LISTEN_APP", address)
            .current_dir(&self.builder.project)
            .args(["-e", "-c", script])
            .output();
        let output = tokio::time::timeout(limit, output).await;
        output.expect("the script ends in time").expect("a shell")
    }

    /// A body sealed by an outside caller.
    pub(crate) fn seal(&self, to: &str, path: &str, body: &Value) -> String {
        self.seal_with(&["--to", to, "--path", path, &body.to_string()])
    }

    pub(crate) fn seal_with(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["seal"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }

    /// What is in a sealed answer.
    pub(crate) fn open(&self, body: &str) -> Value {
        let output = self.run(&["open", body]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// A connection as the administrator.
    pub(crate) async fn sql(&self) -> sqlx::PgConnection {
        cluster::connect(&self.database).await
    }

    /// What was logged so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.lock().expect("log").clone()
    }

    /// A line of the log that satisfies `matches`, as soon as there is one.
    pub(crate) async fn logged(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        super::until(what, async || self.log().into_iter().find(&matches)).await
    }

    /// The id of the process that has the databases.
    pub(crate) fn pid(&self) -> u32 {
        let adapter = self.adapter.as_ref();
        let process = adapter.and_then(|adapter| adapter.process.as_ref());
        process.unwrap_or(&self.host).pid()
    }

    /// The adapter of composed components.
    pub(crate) fn adapter(&mut self) -> &mut Sidecar {
        self.adapter.as_mut().expect("an adapter of its own")
    }

    /// Starts the adapter of composed components again.
    pub(crate) async fn restart_adapter(&mut self) {
        let adapter = self.adapter.as_mut().expect("an adapter of its own");
        let (builder, address) = (&self.builder, &self.address.url);
        adapter.start(builder, address, &self.log).await;
    }

    /// Asks it to stop, waits for the end, and gives its exit code and its whole log. Of two
    /// processes the host stops first, as requests in flight need the adapter.
    pub(crate) async fn stop(self) -> (Option<i32>, Vec<Value>) {
        let Self {
            host, adapter, log, ..
        } = self;
        let mut code = host.stop().await;
        if let Some(adapter) = adapter.and_then(|adapter| adapter.process) {
            code = code.max(adapter.stop().await);
        }
        let log = log.lock().expect("log").clone();
        (code, log)
    }
}

/// The password of every user that the tests register.
pub(crate) const PASSWORD: &str = "correct horse battery";
