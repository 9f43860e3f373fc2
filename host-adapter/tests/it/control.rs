//! The control socket: `host-adapter components`, and who may reach it.

use std::{
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{App, Builder, HostMode, builds::Project, until};

fn components(app: &App) -> Value {
    let output = app.run(&["components", "--json"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_listed_by_digest_and_since_when() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let list = until("the version", async || {
        let list = components(&app);
        (list[1]["version"] == "original").then_some(list)
    })
    .await;
    let digest = hex::encode(Sha256::digest(std::fs::read(project.wasm()).expect("read")));
    for (entry, listener) in list
        .as_array()
        .expect("a list")
        .iter()
        .zip(["app", "faulty"])
    {
        assert_eq!(entry["listener"], listener);
        assert_eq!(entry["component"], "faulty");
        assert_eq!(entry["digest"], digest);
        assert!(
            entry["since"].as_str().expect("text").ends_with('Z'),
            "{entry}"
        );
    }
    project.build("another");
    app.reload(&[]).await;
    let after = components(&app);
    assert_ne!(after[0]["digest"], digest);
    assert_eq!(after[0]["version"], "another");
    let table = app.run(&["components"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let short = &after[0]["digest"].as_str().expect("text")[..12];
    assert!(
        table.starts_with("LISTENER") && table.contains(short),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_user_may_use_the_socket() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let socket = app.control_socket();
    let mode = std::fs::metadata(&socket)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    app.stop().await;
    assert!(!socket.exists(), "the socket is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_answered_with_the_reason() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let ask = |request: &[u8]| {
        let mut stream = UnixStream::connect(app.control_socket()).expect("connect");
        stream.write_all(request).expect("write");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        reply
    };
    assert!(ask(b"reload\n").contains("not valid"));
    assert!(ask(b"{\"command\": \"stop\"}\n").contains("not valid"));
    assert!(ask(&[b'x'; 4_097]).contains("longer than 4096 bytes"));
    assert!(ask(b"{\"command\": \"components\"}\n").contains("faulty"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_killed_process_is_replaced() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let socket = app.control_socket();
    crate::support::process::send_signal(app.pid(), "KILL");
    until("the end", async || {
        UnixStream::connect(&socket).is_err().then_some(())
    })
    .await;
    let output = app.run(&["components"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("does not run in this project"), "{error}");
    assert!(socket.exists(), "the socket of the killed process is gone");
    let path = socket.display().to_string();
    let second = project.start(&[("SPINDLE_CONTROL_SOCKET", &path)]).await;
    assert!(app.run(&["components"]).status.success());
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_leaves_the_socket_to_the_first() {
    let project = Project::new();
    let first = project.start(&[]).await;
    let path = first.control_socket().display().to_string();
    let second = project.start(&[("SPINDLE_CONTROL_SOCKET", &path)]).await;
    second
        .wait_for_log("a warning", |line| {
            line["level"] == "WARNING" && line.to_string().contains("another program")
        })
        .await;
    second.stop().await;
    assert!(first.run(&["components"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_says_that_spin_hosts_the_components() {
    let app = Builder::new(HostMode::Composed).start().await;
    let socket = app.control_socket();
    until("the reply of `serve`", async || {
        let mut stream = UnixStream::connect(&socket).ok()?;
        stream.write_all(b"{\"command\": \"components\"}\n").ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        reply.contains("Spin hosts the components").then_some(())
    })
    .await;
}
