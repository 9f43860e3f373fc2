//! The running program under test, and the requests and commands that tests send to it.

use std::{
    collections::HashMap,
    process::{Command, Output, Stdio},
    time::Duration,
};

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    builder::{Builder, HostMode, command},
    client::Request,
    cluster,
    forward::Forwarder,
    process::{Log, PrintLogOnFailure, Process},
    sidecar::Sidecar,
};

/// The password of every user that the tests register.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running application, which is stopped when this value is dropped.
pub(crate) struct App {
    pub(super) host: Process,
    /// `host-adapter serve`, with composed components.
    pub(super) adapter: Option<Sidecar>,
    /// The address at which the adapter calls the application.
    pub(super) address: Forwarder,
    pub(super) builder: Builder,
    pub(super) listeners: HashMap<String, String>,
    pub(super) log: Log,
    pub(crate) database: SecretString,
    /// Contains the keys, and files of the test.
    pub(crate) directory: TempDir,
    pub(super) composed: Option<TempDir>,
    pub(super) _failure: PrintLogOnFailure,
}

impl App {
    /// Starts the whole application with the settings of the repository.
    pub(crate) async fn start(mode: HostMode) -> Self {
        Builder::new(mode).start().await
    }

    /// Prepares a request to the listener of all routes.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        self.request_to("all routes", method, path)
    }

    /// Prepares a request to a listener.
    pub(crate) fn request_to(&self, listener: &str, method: Method, path: &str) -> Request {
        Request::new(method, &format!("{}{path}", self.listeners[listener]))
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// The URL of a listener, as `http://address`.
    pub(crate) fn url(&self, listener: &str) -> &str {
        &self.listeners[listener]
    }

    /// The URL of the management port of the process that has the databases.
    pub(crate) fn management(&self) -> String {
        let adapter = self
            .adapter
            .as_ref()
            .and_then(|adapter| adapter.management.clone());
        adapter.unwrap_or_else(|| self.url("management").to_owned())
    }

    /// Registers `name` with [`PASSWORD`].
    pub(crate) async fn register(&self, name: &str) -> super::Answer {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        self.post("/api/v1/users/register").json(&body).send().await
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> super::Answer {
        self.post("/api/v1/users/login")
            .json(&json!({ "username": name, "password": password }))
            .send()
            .await
    }

    /// Registers `name`, logs in, and returns the access token.
    pub(crate) async fn register_and_log_in(&self, name: &str) -> String {
        self.register(name).await.expect(201);
        let answer = self.log_in(name, PASSWORD).await.expect(200);
        answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The requests in flight of a component.
    pub(crate) async fn requests_in_flight(&self, component: &str) -> usize {
        let metrics = self.request_to("management", Method::GET, "/metrics");
        let metrics = metrics.send().await.expect(200).text;
        let name = format!("http_server_active_requests{{component=\"{component}\"}} ");
        let mut values = metrics.lines().filter_map(|line| line.strip_prefix(&name));
        values
            .next()
            .map_or(0, |value| value.parse().expect("a number"))
    }

    /// Waits until a component has `number` requests in flight.
    pub(crate) async fn wait_for_requests_in_flight(&self, component: &str, number: usize) {
        let what = format!("{number} requests in flight");
        super::until(&what, async || {
            (self.requests_in_flight(component).await == number).then_some(())
        })
        .await;
    }

    /// Waits until the statistics count `events` events, because messages are delivered in the
    /// background, and returns the statistics.
    pub(crate) async fn wait_for_statistics(&self, events: u64) -> Value {
        super::until(&format!("{events} events"), async || {
            let answer = self.get("/api/v1/analytics/stats").send().await;
            let data = (answer.status == 200).then(|| answer.json()["data"].clone())?;
            (data["total_events"] == events).then_some(data)
        })
        .await
    }

    /// Fetches a page of a list as the user of `token`: its items, and the cursor of the next page.
    pub(crate) async fn get_page(&self, path: &str, token: &str) -> (Vec<Value>, Option<String>) {
        let page = self.get(path).bearer(token).send().await.expect(200).json();
        let items = page["data"]["items"].as_array().expect("items");
        let next = page["data"]["next"].as_str();
        (items.clone(), next.map(str::to_owned))
    }

    /// Waits until analytics lists an event of this name among those of the user of `token`.
    pub(crate) async fn wait_for_event(&self, name: &str, token: &str) {
        super::until(&format!("the event `{name}`"), async || {
            let (events, _) = self.get_page(super::events::EVENTS, token).await;
            let mut names = events.iter().map(|event| &event["event_name"]);
            names.any(|found| found == name).then_some(())
        })
        .await;
    }

    /// Runs another command of the program, with the same keys and database.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.args(arguments).output().expect("host-adapter runs")
    }

    /// Another command of the program, with the same keys and database.
    pub(crate) fn command(&self) -> Command {
        let Builder {
            program,
            project,
            keys,
            ..
        } = &self.builder;
        let mut command = command(program, project, keys);
        command
            .env("DATABASE_URL", self.database.expose_secret())
            .stdin(Stdio::null());
        command
    }

    /// Runs a script in the project, with settings that lead the program to this application. The
    /// script stops at the first command that fails. The test fails if it takes longer than `limit`.
    pub(crate) async fn run_script(&self, script: &str, limit: Duration) -> Output {
        let address = self.url("all routes").trim_start_matches("http://");
        let output = tokio::process::Command::new("sh")
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SPINDLE_KEYS_DIRECTORY", &self.builder.keys)
            .env("SPINDLE_CONTROL_SOCKET", self.control_socket())
            .env("SPINDLE_LISTEN_APP", address)
            .current_dir(&self.builder.project)
            .args(["-e", "-c", script])
            .output();
        let output = tokio::time::timeout(limit, output).await;
        output.expect("the script ends in time").expect("a shell")
    }

    /// Seals a body as an outside caller.
    pub(crate) fn seal(&self, to: &str, path: &str, body: &Value) -> String {
        self.seal_with(&["--to", to, "--path", path, &body.to_string()])
    }

    /// Seals a body with these arguments of `host-adapter seal`.
    pub(crate) fn seal_with(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["seal"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }

    /// Opens a sealed answer, and returns its content.
    pub(crate) fn open(&self, body: &str) -> Value {
        let output = self.run(&["open", body]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Connects to the database as the administrator.
    pub(crate) async fn admin_connection(&self) -> sqlx::PgConnection {
        cluster::connect(&self.database).await
    }

    /// The log up to now.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.lock().expect("log").clone()
    }

    /// Waits for a line of the log that satisfies `matches`, and returns it.
    pub(crate) async fn wait_for_log(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        super::until(what, async || self.log().into_iter().find(&matches)).await
    }

    /// The socket of `reload` and `components`.
    pub(crate) fn control_socket(&self) -> std::path::PathBuf {
        self.builder.keys.with_file_name("control.sock")
    }

    /// The directory of the keys.
    pub(crate) fn keys(&self) -> &std::path::Path {
        &self.builder.keys
    }

    /// The tokens by which composed components call the adapter, each with the component's name.
    pub(crate) fn adapter_tokens(&self) -> impl Iterator<Item = (&str, &str)> {
        let tokens = self.adapter.iter().flat_map(|adapter| &adapter.tokens);
        tokens.map(|(component, token)| (component.as_str(), token.as_str()))
    }

    /// The id of the process that is connected to the databases.
    pub(crate) fn pid(&self) -> u32 {
        let adapter = self.adapter.as_ref();
        let process = adapter.and_then(|adapter| adapter.process.as_ref());
        process.unwrap_or(&self.host).pid()
    }

    /// The id of the process that runs the components.
    pub(crate) fn host_pid(&self) -> u32 {
        self.host.pid()
    }

    /// The adapter of composed components.
    pub(crate) fn adapter(&mut self) -> &mut Sidecar {
        self.adapter.as_mut().expect("an adapter process")
    }

    /// The URL of all routes, which stays the same after a restart.
    pub(crate) fn fixed_url(&self) -> &str {
        &self.address.url
    }

    /// Where composed components call the adapter.
    pub(crate) fn adapter_address(&self) -> &Forwarder {
        &self.adapter.as_ref().expect("an adapter process").address
    }

    /// Starts the process that runs the components again, on other ports.
    pub(crate) async fn restart_host(&mut self) {
        let composed = self.composed.as_ref().map(TempDir::path);
        let project = composed.unwrap_or(&self.builder.project);
        let command = self.builder.command(project, "up");
        (self.host, self.listeners) = Process::start(command, &self.log).await;
        self.address.forward_to(&self.listeners["all routes"]);
    }

    /// Starts the adapter of composed components again.
    pub(crate) async fn restart_adapter(&mut self) {
        let adapter = self.adapter.as_mut().expect("an adapter process");
        let (builder, address) = (&self.builder, &self.address.url);
        adapter.start(builder, address, &self.log).await;
    }

    /// Stops the application, and returns its exit code and its whole log. The host stops before the
    /// adapter, because requests in flight need the adapter.
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
