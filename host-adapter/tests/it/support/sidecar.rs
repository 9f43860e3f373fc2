//! `host-adapter serve`, on its own or for composed components.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    builder::Builder,
    client::{Answer, Request},
    declared,
    forward::{Fault, Forwarder},
    process::{Log, PrintLogOnFailure, Process},
};

/// The version of the wire protocol that these tests use.
pub(crate) const VERSION: &str = "0.1.0";

/// The adapter of an application. A test can restart it while the application keeps calling it at the
/// same address.
pub(crate) struct Sidecar {
    pub(crate) process: Option<Process>,
    pub(crate) address: Forwarder,
    /// The token of each component, by the component's name.
    pub(crate) tokens: HashMap<String, String>,
    /// Where it serves HTTP: `http://` or `https://` and the address.
    url: String,
    /// The URL of the management port.
    pub(crate) management: Option<String>,
}

impl Sidecar {
    /// Creates an adapter that is not running yet.
    pub(crate) fn new(builder: &Builder) -> Self {
        let token = || uuid::Uuid::now_v7().simple().to_string();
        Self {
            process: None,
            address: Forwarder::new(),
            tokens: declared::components(&builder.project)
                .into_iter()
                .map(|name| (name, token()))
                .collect(),
            url: String::new(),
            management: None,
        }
    }

    /// Starts the process. `application` is the URL of the components that call the adapter.
    pub(crate) async fn start(&mut self, builder: &Builder, application: &str, log: &Log) {
        let mut command = builder.command(&builder.project, "serve");
        command
            .env("SPINDLE_SERVER_APPLICATION", application)
            .envs(self.variables());
        let (process, addresses) = Process::start(command, log).await;
        // It prints what `adapter_url` has to be, and serves HTTP on the same port.
        self.url = addresses["adapter"].replacen("tcp://", "http://", 1);
        self.management = Some(addresses["management"].clone());
        if self.url.starts_with("http://") {
            self.address.forward_to(&self.url);
        }
        self.process = Some(process);
    }

    /// The next connections that `component` opens for a call of `function` have these faults. All other connections
    /// are closed before.
    pub(crate) async fn fail_next(
        &self,
        component: &str,
        function: &str,
        faults: impl IntoIterator<Item = Fault>,
    ) {
        let texts = [self.tokens[component].as_str(), function];
        self.address.fail_next(&texts, faults).await;
    }

    fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.tokens.iter().map(|(name, token)| {
            let name = name.replace('-', "_").to_ascii_uppercase();
            (format!("{name}_ADAPTER_TOKEN"), token.clone())
        })
    }
}

/// The adapter without an application. Tests call it directly.
pub(crate) struct StandaloneAdapter {
    pub(crate) sidecar: Sidecar,
    pub(crate) log: Log,
    _directory: TempDir,
    _failure: PrintLogOnFailure,
}

impl StandaloneAdapter {
    /// Starts the adapter with additional environment variables.
    pub(crate) async fn start(environment: &[(&str, &str)]) -> Self {
        let mut builder = Builder::new(super::HostMode::Composed);
        for (name, value) in environment {
            builder = builder.env(name, *value);
        }
        let directory = builder.prepare().await;
        let log = Log::default();
        let mut sidecar = Sidecar::new(&builder);
        sidecar.start(&builder, "http://127.0.0.1:1", &log).await;
        Self {
            sidecar,
            _failure: PrintLogOnFailure(log.clone()),
            log,
            _directory: directory,
        }
    }

    /// `http://` or `https://` and the address.
    pub(crate) fn url(&self) -> &str {
        &self.sidecar.url
    }

    /// Prepares a call without a token.
    pub(crate) fn anonymous(&self, function: &str, arguments: &Value) -> Request {
        Request::new(Method::POST, &format!("{}/{function}", self.url()))
            .header("spindle-adapter-version", VERSION)
            .json(arguments)
    }

    /// Sends a call with the token of `component`.
    pub(crate) async fn call(&self, component: &str, function: &str, arguments: &Value) -> Answer {
        self.anonymous(function, arguments)
            .bearer(&self.sidecar.tokens[component])
            .send()
            .await
    }
}
