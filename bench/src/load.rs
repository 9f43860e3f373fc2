//! The load generator, [wrk](https://github.com/wg/wrk).

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use tokio::process::Command;

/// What wrk runs; it reports in a form that is made to be read.
pub(crate) const SCRIPT: &str = include_str!("load.lua");

/// Requests at the same time, unless a route says otherwise.
pub(crate) const CONNECTIONS: u32 = 32;

/// Requests to one URL.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) url: String,
    /// An access token.
    pub(crate) token: Option<String>,
    /// Makes the request a POST. `{n}` becomes the numbers from 1 to `users` in turn.
    pub(crate) body: Option<String>,
    pub(crate) users: Option<u32>,
    pub(crate) connections: u32,
    /// How long each connection waits between two requests.
    pub(crate) pause_ms: Option<u32>,
    pub(crate) seconds: u32,
}

/// What came of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) microseconds: u64,
    /// Latencies in microseconds.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    /// Requests without an answer below 400.
    pub(crate) failed: u64,
}

impl Outcome {
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.microseconds.max(1) as f64
    }
}

impl Load {
    /// A load that reads a URL.
    pub(crate) fn get(url: String, seconds: u32) -> Self {
        Self {
            url,
            token: None,
            body: None,
            users: None,
            connections: CONNECTIONS,
            pause_ms: None,
            seconds,
        }
    }

    /// Sends requests for the given time. `directory` has the script.
    pub(crate) async fn run(&self, directory: &Path) -> anyhow::Result<Outcome> {
        let output = self.command(directory).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let outcome = text.lines().find_map(parse);
        outcome.with_context(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("wrk on {}: {} {}", self.url, text.trim(), errors.trim())
        })
    }

    fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new("wrk");
        command.args(["--threads", "1"]);
        command
            .arg("--connections")
            .arg(self.connections.to_string());
        command.arg("--duration").arg(format!("{}s", self.seconds));
        command.arg("--script").arg(script(directory));
        if let Some(token) = &self.token {
            command
                .arg("--header")
                .arg(format!("Authorization: Bearer {token}"));
        }
        let numbers = [("USERS", self.users), ("PAUSE_MS", self.pause_ms)];
        for (name, value) in numbers {
            command
                .env_remove(name)
                .envs(value.map(|value| (name, value.to_string())));
        }
        command
            .env_remove("BODY")
            .envs(self.body.as_ref().map(|body| ("BODY", body)));
        command
            .arg(&self.url)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// Where the script is.
pub(crate) fn script(directory: &Path) -> PathBuf {
    directory.join("load.lua")
}

/// Makes sure that wrk can be run.
pub(crate) async fn check() -> anyhow::Result<()> {
    let mut command = Command::new("wrk");
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let found = command.status().await;
    found.context("`wrk` is missing: please install it, on Debian by `apt-get install wrk`")?;
    Ok(())
}

/// The script's line. Everything else that wrk prints is for people.
fn parse(line: &str) -> Option<Outcome> {
    let fields = line.strip_prefix("result ")?;
    let field = |name: &str| {
        let mut pairs = fields.split(' ').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name)?.1.parse().ok()
    };
    Some(Outcome {
        requests: field("requests")?,
        microseconds: field("microseconds")?,
        p50: field("p50")?,
        p99: field("p99")?,
        failed: field("failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_line_is_read_among_others() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n\
            Requests/sec:   2000.00\nresult requests=3000 microseconds=1500000 p50=812 p99=4100 failed=2\n";
        let outcome = text.lines().find_map(parse).unwrap();
        let expected = Outcome {
            requests: 3000,
            microseconds: 1_500_000,
            p50: 812,
            p99: 4100,
            failed: 2,
        };
        assert_eq!(outcome, expected);
        assert!((outcome.rate() - 2000.0).abs() < 1e-9);
    }

    #[test]
    fn an_incomplete_line_is_no_result() {
        assert_eq!(
            parse("result requests=3000 microseconds=1500000 p50=812"),
            None
        );
        assert_eq!(
            parse("result requests=many microseconds=1 p50=1 p99=1 failed=0"),
            None
        );
        assert_eq!(
            parse("unable to connect to 127.0.0.1:1 Connection refused"),
            None
        );
    }
}
