//! The program under test: `host-adapter up`, as a process of its own.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{client::Request, cluster, project, wasm};

/// How to start it.
pub(crate) struct Builder {
    project: PathBuf,
    environment: HashMap<String, String>,
    database: Option<SecretString>,
    listeners: Vec<&'static str>,
}

/// Running, until dropped.
pub(crate) struct App {
    process: Child,
    listeners: HashMap<String, String>,
    log: Arc<Mutex<Vec<Value>>>,
    readers: Vec<JoinHandle<()>>,
    pub(crate) database: SecretString,
    /// Keys, and whatever else the test puts there.
    pub(crate) directory: TempDir,
    project: PathBuf,
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
    pub(crate) fn new() -> Self {
        let listeners = vec!["APP", "USER", "ANALYTICS"];
        Self {
            project: project(),
            environment: HashMap::new(),
            database: None,
            listeners,
        }
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

    pub(crate) async fn start(self) -> App {
        for component in ["user", "analytics", "gateway"] {
            wasm(component);
        }
        let database = match self.database {
            Some(url) => url,
            None => cluster::database().await,
        };
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = command(&self.project, &directory.path().join("keys"));
        command.env("DATABASE_URL", database.expose_secret());
        // Two processors run many of these at once; the defaults are for a machine of its own.
        command.env("SPINDLE_POSTGRES_CONNECTIONS", "4");
        for listener in &self.listeners {
            command.env(format!("SPINDLE_LISTEN_{listener}"), "127.0.0.1:0");
        }
        command
            .envs(self.environment)
            .arg("up")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("host-adapter starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = process.stderr.take().expect("piped");
        let mut readers = vec![std::thread::spawn({
            let log = log.clone();
            move || collect(BufReader::new(stderr), &log)
        })];
        let mut stdout = BufReader::new(process.stdout.take().expect("piped"));
        let listeners = tokio::task::spawn_blocking(move || (listeners(&mut stdout), stdout))
            .await
            .expect("banner");
        let (listeners, mut stdout) = listeners;
        assert!(
            listeners.contains_key("all routes"),
            "it did not start: {:#?}",
            log.lock().expect("log")
        );
        readers.push(std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
        }));
        App {
            process,
            listeners,
            log,
            readers,
            database,
            directory,
            project: self.project,
        }
    }
}

/// Reads the banner up to the line that is printed last before serving.
fn listeners(stdout: &mut impl std::io::BufRead) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for line in stdout.lines() {
        let line = line.expect("a line");
        if let Some((name, url)) = line
            .split_once("http://")
            .filter(|_| line.starts_with("  "))
        {
            found
                .entry(name.trim().to_owned())
                .or_insert(format!("http://{url}"));
        }
        if line.trim_start().starts_with("Try:") || line.ends_with("Try:") {
            break;
        }
    }
    found
}

/// Keeps the log, and insists that every line of it is JSON with the keys that a query needs.
fn collect(lines: impl std::io::BufRead, log: &Mutex<Vec<Value>>) {
    for line in lines.lines().map_while(Result::ok) {
        let entry = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not JSON": line }));
        log.lock().expect("log").push(entry);
    }
}

impl App {
    /// The whole application with the repository's settings.
    pub(crate) async fn start() -> Self {
        Builder::new().start().await
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
        let mut command = command(&self.project, &self.directory.path().join("keys"));
        command
            .env("DATABASE_URL", self.database.expose_secret())
            .args(arguments);
        command
            .stdin(Stdio::null())
            .output()
            .expect("host-adapter runs")
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

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to stop, waits for the end, and gives its exit code and its whole log.
    pub(crate) async fn stop(mut self) -> (Option<i32>, Vec<Value>) {
        signal(self.pid(), "TERM");
        let code = super::until("the end of the process", async || {
            self.process.try_wait().expect("wait")
        })
        .await;
        for reader in self.readers.drain(..) {
            reader.join().expect("reader");
        }
        (code.code(), self.log())
    }
}

/// The password of every user that the tests register.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(status.expect("kill").success(), "kill -{name} {pid}");
}

impl Drop for App {
    fn drop(&mut self) {
        // A test that fails says the more with the log of the program that it tested.
        if std::thread::panicking() {
            for line in self.log() {
                println!("{line}");
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
