//! `host-adapter doctor`: each finding with its fix, and nothing changed.

mod databases;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Output,
};

use serde_json::Value;

use crate::support::{
    App, HostMode,
    peer::Peer,
    scratch::{Scratch, manifest_of},
};

/// Settings without a finding.
const SETTINGS: &str = "[components.faulty]\npostgres = true\ncollections = [\"events\"]\npeers = [\"faulty\"]\n\
    passwords = true\ntokens = [\"issue\", \"verify\"]\nenvelopes = [\"client\", \"faulty\"]\n";

/// The findings of `doctor --json`.
struct Report {
    findings: Vec<Value>,
    code: Option<i32>,
}

impl Report {
    #[track_caller]
    fn of(output: &Output) -> Self {
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let findings = report["findings"].as_array().expect("findings").clone();
        let count = |level: &str| findings.iter().filter(|one| one["level"] == level).count();
        assert_eq!(report["errors"], count("error"));
        assert_eq!(report["warnings"], count("warning"));
        Self {
            findings,
            code: output.status.code(),
        }
    }

    /// Whether a finding of this check and level says all of these parts, in its text or its fix.
    fn has(&self, check: &str, level: &str, parts: &[&str]) -> bool {
        self.findings.iter().any(|one| {
            let text = format!("{} fix: {}", one["what"], one["fix"]).replace("\\\"", "\"");
            let fixed = level == "fine" || one["fix"].as_str().is_some_and(|fix| !fix.is_empty());
            one["check"] == check
                && one["level"] == level
                && fixed
                && parts.iter().all(|part| text.contains(part))
        })
    }

    #[track_caller]
    fn expect(&self, check: &str, level: &str, parts: &[&str]) {
        assert!(
            self.has(check, level, parts),
            "{check} {level} {parts:?} is not in: {:#?}",
            self.findings
        );
    }

    /// The findings of a check that are not fine.
    fn bad(&self, check: &str) -> Vec<&Value> {
        let bad = self
            .findings
            .iter()
            .filter(|one| one["check"] == check && one["level"] != "fine");
        bad.collect()
    }
}

fn examine(scratch: &Scratch) -> Report {
    Report::of(&scratch.run(&["doctor", "--json"]))
}

/// A project without a database.
fn without_database() -> Scratch {
    Scratch::new(SETTINGS).env("DATABASE_URL", "")
}

#[test]
fn without_a_database_it_says_so_and_passes() {
    let scratch = without_database();
    let report = examine(&scratch);
    report.expect(
        "database",
        "fine",
        &["there is no database", "`./dev up` starts one"],
    );
    report.expect("project", "fine", &["agree"]);
    report.expect("toolchain", "fine", &["no sources"]);
    report.expect("keys", "fine", &["made at the next start", "`faulty`"]);
    report.expect("disk", "fine", &["MiB are free"]);
    assert_eq!(report.code, Some(0), "{:#?}", report.findings);
    let files = std::fs::read_dir(scratch.path()).expect("files").count();
    assert_eq!(files, 2, "only the files of the test");
}

#[test]
fn warnings_fail_only_when_it_is_strict() {
    let scratch = Scratch::new(&format!("{SETTINGS}[peers.faulty]\n")).env("DATABASE_URL", "");
    let output = scratch.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains('\x1b'), "colour without a terminal: {text}");
    let warning = text
        .lines()
        .find(|line| line.contains("`[peers.faulty]`"))
        .expect(&text);
    assert!(warning.starts_with("peers        warning "), "{warning}");
    assert!(
        text.contains("\n                     fix: remove it"),
        "{text}"
    );
    assert!(text.trim_end().ends_with("0 errors, 1 warning"), "{text}");
    assert_eq!(scratch.run(&["doctor", "--strict"]).status.code(), Some(1));
}

#[test]
fn grants_are_compared_with_imports_both_ways() {
    let report = examine(&Scratch::new("[components.faulty]\n").env("DATABASE_URL", ""));
    report.expect(
        "grants",
        "warning",
        &["`spindle:adapter/postgres`", "write `postgres = true`"],
    );
    let scratch = Scratch::new("[components.gateway]\npeers = [\"*\"]\npasswords = true\n")
        .env("DATABASE_URL", "");
    scratch.write("spin.toml", &manifest_of("gateway"));
    let report = examine(&scratch);
    report.expect(
        "grants",
        "warning",
        &[
            "`gateway` is granted `passwords`",
            "does not import",
            "remove it",
        ],
    );
    assert_eq!(report.bad("grants").len(), 1, "{:#?}", report.findings);
}

#[test]
fn a_port_in_use_names_the_process() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = socket.local_addr().expect("an address").to_string();
    let scratch = without_database().env("SPINDLE_LISTEN_APP", &address);
    let report = examine(&scratch);
    let process = format!("process {}", std::process::id());
    report.expect(
        "ports",
        "error",
        &["`listen.app`", &address, &process, "stop that process"],
    );
    assert_eq!(report.code, Some(1));
    let report = examine(&scratch.env("SPINDLE_LISTEN_APP", "192.0.2.1:3000"));
    report.expect(
        "ports",
        "error",
        &["not an address of this machine", "set `listen.app`"],
    );
}

#[tokio::test]
async fn the_ports_of_a_running_host_are_fine() {
    let app = App::start(HostMode::Embedded).await;
    let address = app
        .url("all routes")
        .trim_start_matches("http://")
        .to_owned();
    let scratch = without_database().env("SPINDLE_LISTEN_APP", &address);
    let report = examine(&scratch);
    report.expect(
        "ports",
        "fine",
        &[&address, "used by host-adapter", &app.pid().to_string()],
    );
}

#[test]
fn keys_are_checked_for_rights_age_and_owners() {
    let scratch = without_database();
    let made = scratch.run(&["seal", "--to", "faulty", "--path", "/x", "{}"]);
    assert!(made.status.success(), "{made:?}");
    let directory = scratch.path().join(".spindle/keys");
    examine(&scratch).expect("keys", "fine", &["a key of every owner"]);
    let created = |value: &str| {
        let path = key_file(&directory, "faulty");
        let text = std::fs::read_to_string(&path).expect("a key");
        let mut key: Value = serde_json::from_str(&text).expect("JSON");
        key["created"] = value.parse().expect("a number");
        std::fs::write(&path, key.to_string()).expect("write");
        path
    };
    let path = created("1500000000");
    let replace = "host-adapter keys rotate --owner faulty";
    examine(&scratch).expect("keys", "warning", &["days old", replace]);
    created("4000000000");
    examine(&scratch).expect("keys", "warning", &["in the future", "clock"]);
    created("1500000000");
    assert!(
        scratch
            .run(&["keys", "generate", "--owner", "faulty"])
            .status
            .success()
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    let report = examine(&scratch);
    let name = path.display().to_string();
    report.expect(
        "keys",
        "error",
        &[&name, "mode 644", &format!("chmod 600 {name}")],
    );
    assert_eq!(report.code, Some(1));
}

/// The file of an owner's key.
fn key_file(directory: &Path, owner: &str) -> std::path::PathBuf {
    let entries = std::fs::read_dir(directory).expect("keys");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    let owned = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.contains(&format!("\"{owner}\""))
    };
    paths.find(owned).expect("a key of the owner")
}

#[test]
fn production_needs_keys_that_were_made_for_it() {
    let scratch = without_database();
    let made = scratch.run(&["seal", "--to", "faulty", "--path", "/x", "{}"]);
    assert!(made.status.success(), "{made:?}");
    std::fs::remove_file(key_file(&scratch.path().join(".spindle/keys"), "client"))
        .expect("remove");
    let scratch = scratch
        .env("PRODUCTION", "true")
        .env("DATABASE_URL", "postgres://u@127.0.0.1:1/x");
    let report = examine(&scratch);
    report.expect(
        "keys",
        "error",
        &["`client` has no key", "keys generate --owner client"],
    );
    report.expect(
        "keys",
        "error",
        &["made for a laptop", "keys generate --owner faulty"],
    );
}

#[test]
fn a_toolchain_that_cannot_build_names_what_to_install() {
    let scratch = without_database();
    scratch.write("Cargo.toml", "");
    scratch.write(
        "Cargo.lock",
        "[[package]]\nname = \"spin-sdk\"\nversion = \"3.1.0\"\n",
    );
    scratch.write("wit/health.wit", "package spindle:adapter@9.9.9;\n");
    let programs = scratch.path().join("bin");
    let scratch = scratch.env("PATH", programs.to_str().expect("text"));
    let report = examine(&scratch);
    report.expect(
        "toolchain",
        "error",
        &["`rustc` is not on the PATH", "rustup"],
    );
    report.expect(
        "toolchain",
        "error",
        &["C compiler `cc` is missing", "build-essential"],
    );
    report.expect(
        "toolchain",
        "error",
        &[
            "wasm32-wasip2 is missing",
            "rustup target add wasm32-wasip2",
        ],
    );
    report.expect(
        "versions",
        "error",
        &["spin-sdk is 3.1.0", "`spin-sdk = \"7\"`"],
    );
    report.expect(
        "versions",
        "error",
        &[
            "wit/health.wit declares spindle:adapter 9.9.9",
            "./dev build",
        ],
    );
    report.expect("versions", "fine", &["Spin is not on the PATH"]);
    for (name, text) in [
        ("rustc", "rustc 1.50.0 (x 2021-01-01)"),
        ("spin", "spin 3.0.0 (x)"),
    ] {
        let path = scratch.write(
            &format!("bin/{name}"),
            &format!("#!/bin/sh\necho '{text}'\n"),
        );
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    }
    let report = examine(&scratch);
    report.expect(
        "toolchain",
        "error",
        &["rustc 1.50.0", "older than Rust", "rustup update"],
    );
    report.expect("versions", "warning", &["spin 3.0.0", "install Spin 4.1"]);
}

#[test]
fn peers_are_called_for_their_health() {
    let closed = Peer::reserve();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let open = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for (mut client, status) in listener
            .incoming()
            .map_while(Result::ok)
            .zip(["200 OK", "503 Busy"])
        {
            let mut request = [0; 1_024];
            let length = client.read(&mut request).expect("read");
            assert!(request[..length].starts_with(b"GET /services/faulty/health "));
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            client.write_all(answer.as_bytes()).expect("write");
        }
    });
    let scratch = Scratch::new(&format!(
        "{SETTINGS}[peers.other]\nurl = \"{}\"\n",
        closed.url()
    ))
    .env("DATABASE_URL", "")
    .env("SPINDLE_PEERS_FAULTY_URL", &open);
    let report = examine(&scratch);
    report.expect(
        "peers",
        "error",
        &[
            "`other`",
            "does not accept connections",
            "`peers.other.url`",
        ],
    );
    report.expect("peers", "fine", &["`faulty`", "answers"]);
    examine(&scratch).expect(
        "peers",
        "warning",
        &["`faulty`", "503", "/services/faulty/health"],
    );
}
