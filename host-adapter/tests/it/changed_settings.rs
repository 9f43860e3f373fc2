//! Settings that a running `up` takes up by another server, or by changing what the process has once.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{
    App, Builder,
    builds::Project,
    client::{self, Request},
    until,
};

/// Servers that take over from each other.
const SERVERS: usize = 10;

/// Clients that send one request after the other, on connections that they keep.
const CLIENTS: usize = 6;

/// A project whose listener `faulty` is in its settings, and is not served at first.
fn builder(project: &Project) -> Builder {
    project.builder(&[("SPINDLE_LISTEN_FAULTY", "")])
}

/// Settings with `[host]` and `[listen]` of a test.
fn settings(host: &str, listen: &str) -> String {
    format!("[components.faulty]\n[host]\n{host}\n[listen]\n{listen}\n")
}

/// The URL of the listener that the log names last.
fn url_of_faulty(app: &App) -> Option<String> {
    let log = app.log();
    let mut lines = log.iter().rev().filter_map(|line| line["message"].as_str());
    let url = lines.find_map(|text| text.strip_prefix("`faulty` listens on "))?;
    Some(url.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_server_takes_over_under_load() {
    let project = Project::new();
    let app = builder(&project).start().await;
    let (stop, requests) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let path = if number % 3 == 0 {
            "/pause/30"
        } else {
            "/build"
        };
        let url = format!("{}{path}", app.url("all routes"));
        clients.spawn(request_until_stopped(url, stop.clone(), requests.clone()));
    }
    for server in 1..=SERVERS {
        let host = format!(
            "max_requests = {}\nthreads = {}",
            400 + server,
            1 + server % 2
        );
        // It comes, stays, goes, and comes elsewhere.
        let listen = if server % 3 == 0 {
            ""
        } else {
            "faulty = \"127.0.0.1:0\""
        };
        project.write("adapter.toml", settings(&host, listen));
        let before = requests.load(Ordering::SeqCst);
        let reload = app.reload(&[]).await;
        assert!(reload.succeeded(), "{reload:?}");
        let report = reload.json();
        assert_eq!(report["another_server"], true, "{report}");
        let taken_up = report["settings"].to_string();
        assert!(taken_up.contains("host.max_requests"), "{taken_up}");
        assert_eq!(report["needs_restart"], serde_json::json!([]));
        if server % 3 == 1 {
            // The log may still name none, or the one that has gone.
            let build = until("the listener in the log", async || {
                let url = url_of_faulty(&app)?;
                let build = Request::new(Method::GET, &format!("{url}/build"));
                build.0.send().await.ok()?.text().await.ok()
            });
            assert_eq!(build.await, "original");
        }
        until("requests at this server", async || {
            (requests.load(Ordering::SeqCst) > before + CLIENTS).then_some(())
        })
        .await;
    }
    stop.store(true, Ordering::SeqCst);
    clients.join_all().await;
    let page = app
        .request_to("management", Method::GET, "/settings")
        .send()
        .await;
    let expected = format!("max_requests = {}", 400 + SERVERS);
    assert!(page.text.contains(&expected), "{}", page.text);
    let (code, log) = app.stop().await;
    assert_eq!(code, Some(0), "{log:#?}");
    let bad =
        |line: &&Value| line["level"] == "ERROR" || line.to_string().contains("cut off after");
    assert_eq!(log.iter().find(bad), None);
}

async fn request_until_stopped(url: String, stop: Arc<AtomicBool>, requests: Arc<AtomicUsize>) {
    let client = client::client();
    while !stop.load(Ordering::SeqCst) {
        let response = client.get(&url).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        response.text().await.expect("a body");
        requests.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_server_finishes_its_requests() {
    let project = Project::new();
    // The other server may take long to start.
    let builder = builder(&project).env("SPINDLE_HOST_BODY_TIMEOUT", "4m");
    let app = builder.start().await;
    // It ends when its body is complete.
    let address = app.url("all routes").trim_start_matches("http://");
    let mut slow = TcpStream::connect(address).await.expect("a connection");
    let head = "POST /read HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n1";
    slow.write_all(head.as_bytes()).await.expect("sent");
    app.wait_for_requests_in_flight("faulty", 1).await;
    project.write("adapter.toml", settings("max_requests = 400", ""));
    assert!(app.reload(&[]).await.succeeded());
    assert_eq!(app.build().await, "original");
    slow.write_all(b"2")
        .await
        .expect("the previous server reads");
    let mut answer = String::new();
    // The connection is closed after the answer.
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    app.wait_for_log("the end of the previous server", |line| {
        let text = line["message"].as_str().unwrap_or_default();
        text.starts_with("the previous server has ended: it has answered")
    })
    .await;
}

#[rstest]
#[case::an_address_in_use("", "faulty = \"ADDRESS\"", "original", "listen.faulty")]
#[case::a_component_that_does_not_start("threads = 1", "", "no-start", "`faulty` does not serve")]
#[case::a_value_out_of_range("max_requests = 0", "", "original", "host.max_requests")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_work_never_takes_over(
    #[case] host: &str,
    #[case] listen: &str,
    #[case] build: &str,
    #[case] reason: &str,
) {
    let project = Project::new();
    let app = builder(&project).start().await;
    let address = app
        .url("all routes")
        .trim_start_matches("http://")
        .to_owned();
    project.build(build);
    project.write(
        "adapter.toml",
        settings(host, &listen.replace("ADDRESS", &address)),
    );
    let reload = app.reload(&[]).await;
    assert!(!reload.succeeded(), "{reload:?}");
    assert!(reload.stderr().contains(reason), "{reload:?}");
    assert_eq!(app.build().await, "original");
    project.build("repaired");
    project.write("adapter.toml", settings("max_requests = 400", ""));
    assert!(app.reload(&[]).await.succeeded());
    assert_eq!(app.build().await, "repaired");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_process_has_once_changes() {
    let project = Project::new();
    let write = |management: &str, socket: &str, log: &str| {
        let settings = format!(
            "[components.faulty]\n[management]\naddress = \"{management}:0\"\n\
             [control]\nsocket = \"{socket}\"\n[log]\n{log}\n"
        );
        project.write("adapter.toml", settings);
    };
    write("127.0.0.1", "one.sock", "");
    let taken_back = [
        ("SPINDLE_MANAGEMENT_ADDRESS", ""),
        ("SPINDLE_CONTROL_SOCKET", ""),
    ];
    let app = project.start(&taken_back).await;
    let reload = |socket: &str| {
        let mut command = app.command();
        command.env("SPINDLE_CONTROL_SOCKET", project.path().join(socket));
        tokio::task::block_in_place(|| command.arg("reload").output().expect("reload"))
    };
    write(
        "127.0.0.1",
        "two.sock",
        "directory = \"logs\"\nlevel = \"DEBUG\"",
    );
    let output = reload("one.sock");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["control.socket", "log.directory", "log.level"] {
        assert!(text.contains(&format!("`{name}` is in force")), "{text}");
    }
    assert!(!text.contains("another server"), "{text}");
    until("the previous socket to go", async || {
        (!project.path().join("one.sock").exists()).then_some(())
    })
    .await;
    // A request's line is in the file of the component and on stderr.
    app.get("/chatter/1").send().await.expect(200);
    let logged = |text: &str| text.contains("chatter");
    app.wait_for_log("the line", |line| logged(&line.to_string()))
        .await;
    let file = project.path().join("logs/faulty.log");
    until("the file", async || logged(&read(&file)).then_some(())).await;
    // Nothing has changed since, and the second socket answers.
    let output = reload("two.sock");
    assert!(output.status.success(), "{output:?}");
    write("127.0.0.2", "two.sock", "");
    assert!(reload("two.sock").status.success());
    let line = app.wait_for_log("the address", |line| {
        line.to_string().contains("the management port listens on")
    });
    let line = line.await["message"].to_string();
    let url = line
        .trim_end_matches('"')
        .rsplit(' ')
        .next()
        .expect("a URL");
    assert!(url.starts_with("http://127.0.0.2:"), "{line}");
    let live = Request::new(Method::GET, &format!("{url}/live"))
        .send()
        .await;
    live.expect(200);
    let before = app
        .url("management")
        .trim_start_matches("http://")
        .to_owned();
    until("the previous port to close", async || {
        TcpStream::connect(&before).await.err().map(drop)
    })
    .await;
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
