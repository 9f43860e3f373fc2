//! Components are replaced while they serve.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use reqwest::Method;
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{
    TIMEOUT,
    builds::{Project, manifest},
    client,
    process::send_signal,
    until,
};

/// As many as shall be possible without a restart.
const SWAPS: usize = 100;

/// Builds that take turns. A new build takes a second to compile, a known one does not.
const BUILDS: usize = 8;

/// Clients that send one request after the other, on connections that they keep.
const CLIENTS: usize = 6;

/// A short request timeout, and the timeouts that must be shorter than it.
const SHORT: [(&str, &str); 4] = [
    ("SPINDLE_HOST_REQUEST_TIMEOUT", "3s"),
    ("SPINDLE_DISPATCH_TIMEOUT", "1s"),
    ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "1s"),
    ("SPINDLE_POSTGRES_ACQUIRE_TIMEOUT", "1s"),
];

/// What clients and swaps know of each other.
#[derive(Default)]
struct Progress {
    /// Swaps that have begun, and swaps that have ended.
    begun: AtomicUsize,
    ended: AtomicUsize,
    stop: AtomicBool,
}

fn name(swap: usize) -> String {
    format!("swap-{}", swap % BUILDS)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_swaps_under_load_fail_no_request() {
    let project = Project::new();
    project.build(&name(0));
    // Few, so that instances that are not given back are noticed.
    let app = project.start(&[("SPINDLE_HOST_MAX_INSTANCES", "32")]).await;
    let progress = Arc::new(Progress::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        // The others keep instances busy across swaps.
        let path = if number % 3 == 0 {
            "/pause/30"
        } else {
            "/build"
        };
        let listener = if number % 2 == 0 {
            "all routes"
        } else {
            "faulty"
        };
        let url = format!("{}{path}", app.url(listener));
        clients.spawn(request_until_stopped(url, progress.clone()));
    }
    for swap in 1..=SWAPS {
        project.build(&name(swap));
        progress.begun.store(swap, Ordering::SeqCst);
        let reload = app.reload(&["faulty"]).await;
        assert_eq!(
            reload.change("faulty"),
            "replaced",
            "swap {swap}: {reload:?}"
        );
        progress.ended.store(swap, Ordering::SeqCst);
    }
    progress.stop.store(true, Ordering::SeqCst);
    let requests: usize = clients.join_all().await.into_iter().sum();
    assert!(requests > SWAPS, "{requests} requests are not a load");
    let log = app.log();
    let failed = |line: &&serde_json::Value| line["level"] == "ERROR";
    assert_eq!(log.iter().find(failed), None);
}

/// Returns the number of requests. Each must succeed, and be answered by a build that was not replaced
/// before the request began.
async fn request_until_stopped(url: String, progress: Arc<Progress>) -> usize {
    let client = client::client();
    let mut requests = 0;
    while !progress.stop.load(Ordering::SeqCst) {
        let ended = progress.ended.load(Ordering::SeqCst);
        let response = client.get(&url).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{response:?}");
        let build = response.text().await.expect("a body");
        let begun = progress.begun.load(Ordering::SeqCst);
        let allowed: Vec<String> = (ended..=begun).map(name).collect();
        assert!(allowed.contains(&build), "{build} is not of {allowed:?}");
        requests += 1;
    }
    requests
}

#[rstest]
#[case::traps_at_its_start("no-start", "unreachable")]
#[case::does_not_end_its_start("endless", "did not")]
#[case::traps_in_its_health_route("no-health", "unreachable")]
#[case::does_not_answer("no-answer", "did not answer")]
#[case::does_not_know_its_health_route("no-route", "404")]
#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_work_never_serves(#[case] build: &str, #[case] reason: &str) {
    let project = Project::new();
    let app = project.start(&SHORT).await;
    project.build(build);
    for arguments in [&["faulty"][..], &[]] {
        let reload = app.reload(arguments).await;
        assert!(!reload.succeeded(), "{reload:?}");
        assert_eq!(reload.change("faulty"), "rejected");
        let found = reload.reason("faulty");
        assert!(found.contains(reason), "{found}");
        assert_eq!(app.build().await, "original");
    }
    project.build("repaired");
    assert!(app.reload(&[]).await.succeeded());
    assert_eq!(app.build().await, "repaired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_without_its_database_is_swapped() {
    let project = Project::new();
    let app = project.start(&[]).await;
    project.build("no-database");
    let reload = app.reload(&[]).await;
    assert_eq!(reload.change("faulty"), "replaced", "{reload:?}");
    assert_eq!(app.build().await, "no-database");
}

#[rstest]
#[case::text("this is not wasm", "not WebAssembly")]
#[case::a_module("\0asm\u{1}\0\0\0", "not a component")]
#[case::empty("", "not WebAssembly")]
#[case::cut_off("\0asm\u{d}\0\u{1}\0\u{7}", "compiling")]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_a_component_never_serves(#[case] content: &str, #[case] reason: &str) {
    let project = Project::new();
    let app = project.start(&[]).await;
    project.write("faulty.wasm", content);
    let reload = app.reload(&["faulty"]).await;
    assert!(!reload.succeeded());
    let found = reload.reason("faulty");
    assert!(found.contains(reason), "{found}");
    assert_eq!(app.build().await, "original");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_leaves_the_old_component() {
    let project = Project::new();
    let app = project.start(&[]).await;
    std::fs::remove_file(project.wasm()).expect("remove");
    let reload = app.reload(&[]).await;
    assert!(
        reload.reason("faulty").contains("was not found"),
        "{reload:?}"
    );
    assert_eq!(app.build().await, "original");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_keeps_its_instances() {
    let project = Project::new();
    let limits = [
        ("SPINDLE_HOST_THREADS", "1"),
        ("SPINDLE_HOST_IDLE_TIMEOUT", "1h"),
    ];
    let app = project.start(&limits).await;
    assert_eq!(app.get("/count").send().await.expect(200).text, "1");
    project.build("original");
    assert_eq!(app.reload(&["faulty"]).await.change("faulty"), "unchanged");
    assert_eq!(app.get("/count").send().await.expect(200).text, "2");
    project.build("another");
    assert_eq!(app.reload(&["faulty"]).await.change("faulty"), "replaced");
    assert_eq!(app.get("/count").send().await.expect(200).text, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_finish_on_the_old_instances() {
    let project = Project::new();
    // The new build may take long to compile.
    let limits = [
        ("SPINDLE_HOST_BODY_TIMEOUT", "4m"),
        ("SPINDLE_HOST_REQUEST_TIMEOUT", "5m"),
    ];
    let app = project.start(&limits).await;
    // It ends when its body is complete.
    let address = app.url("all routes").trim_start_matches("http://");
    let mut slow = TcpStream::connect(address).await.expect("a connection");
    let head =
        "POST /read HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n1";
    slow.write_all(head.as_bytes()).await.expect("sent");
    app.wait_for_requests_in_flight("faulty", 1).await;
    project.build("another");
    assert!(app.reload(&[]).await.succeeded());
    assert_eq!(app.build().await, "another");
    slow.write_all(b"2").await.expect("the old instance reads");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("original"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_an_unknown_component_names_the_known() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let reload = app.reload(&["fualty"]).await;
    assert!(!reload.succeeded());
    let error = reload.stderr();
    assert!(
        error.contains("`fualty`") && error.contains("`faulty`"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads() {
    let project = Project::new();
    let app = project.start(&[]).await;
    project.build("another");
    send_signal(app.pid(), "HUP");
    until("the new build", async || {
        (app.build().await == "another").then_some(())
    })
    .await;
    project.write("faulty.wasm", "not wasm");
    send_signal(app.pid(), "HUP");
    app.wait_for_log("the reason", |line| {
        line["level"] == "ERROR" && line.to_string().contains("does not serve")
    })
    .await;
    assert_eq!(app.build().await, "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_manifest_is_taken_up() {
    let project = Project::new();
    let app = project.start(&[]).await;
    project.write("spin.toml", manifest("faulty.wasm", "blue"));
    assert!(app.reload(&[]).await.succeeded());
    let colour = app.get("/variable/colour").send().await.expect(200).text;
    assert_eq!(colour, "blue");
    project.write("spin.toml", "spin_manifest_version = 3");
    let reload = app.reload(&[]).await;
    assert!(
        !reload.succeeded() && reload.stderr().contains("spin.toml"),
        "{reload:?}"
    );
    let colour = app.get("/variable/colour").send().await.expect(200).text;
    assert_eq!(colour, "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_component_and_its_grants_are_taken_up() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let greeter = crate::support::wasm("greeter").display().to_string();
    let route = "[[trigger.http]]\nroute = \"/api/v1/greetings/...\"\ncomponent = \"greeter\"\n\
                 [[trigger.http]]\nroute = \"/services/greeter/...\"\ncomponent = \"greeter\"\n";
    let component = format!("[component.greeter]\nsource = \"{greeter}\"\n");
    let before = project.read("spin.toml");
    project.write("spin.toml", format!("{before}{route}{component}"));
    let reload = app.reload(&[]).await;
    assert!(
        reload.reason("greeter").contains("[components.greeter]"),
        "{reload:?}"
    );
    app.get("/api/v1/greetings").send().await.expect(200);
    assert_eq!(app.build().await, "original");
    project.write(
        "adapter.toml",
        "[components.faulty]\n[components.greeter]\n",
    );
    let reload = app.reload(&[]).await;
    assert_eq!(reload.change("greeter"), "added", "{reload:?}");
    assert_eq!(reload.json()["routes"], serde_json::json!(["app"]));
    let greeting = app.get("/api/v1/greetings").send().await.expect(200);
    assert_eq!(greeting.json()["data"], "hello");
    project.write("spin.toml", before);
    assert_eq!(app.reload(&[]).await.change("greeter"), "removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_warns_of_what_a_start_warns_of() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let grants = "[components.faulty]\n[components.notes]\n";
    project.write("adapter.toml", grants);
    assert!(app.reload(&[]).await.succeeded());
    app.wait_for_log("the warning", |line| {
        let text = line.to_string();
        line["level"] == "WARNING" && text.contains("`[components.notes]`")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_grants_and_migrations_are_taken_up() {
    let project = Project::new();
    let app = project.start(&[]).await;
    let denied = app.get("/adapter/postgres").send().await.expect(200).text;
    assert_eq!(denied, "denied");
    std::fs::create_dir_all(project.path().join("migrations/faulty")).expect("create");
    let migration = "migrations/faulty/0001_things";
    project.write(
        &format!("{migration}.up.sql"),
        "create table things (id int);",
    );
    project.write(&format!("{migration}.down.sql"), "drop table things;");
    let settings = "[components.faulty]\npostgres = true\n[host]\nmax_requests = 77\n";
    project.write("adapter.toml", settings);
    let reload = app.reload(&[]).await;
    assert_eq!(reload.change("faulty"), "replaced", "{reload:?}");
    let report = reload.json();
    assert_eq!(
        report["settings"],
        serde_json::json!(["components.faulty.postgres", "host.max_requests"])
    );
    assert_eq!(report["needs_restart"], serde_json::json!([]));
    assert!(
        report["migrations"][0]
            .as_str()
            .expect("text")
            .contains("things"),
        "{report}"
    );
    let granted = app.get("/adapter/postgres").send().await.expect(200).text;
    assert_eq!(granted, "something else");
    // A mistake changes nothing.
    project.write("adapter.toml", "[components.faulty]\npostgers = true\n");
    let reload = app.reload(&[]).await;
    assert!(reload.stderr().contains("postgers"), "{reload:?}");
    let granted = app.get("/adapter/postgres").send().await.expect(200).text;
    assert_eq!(granted, "something else");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_instances_of_the_old_build_end_at_once() {
    let project = Project::new();
    let limits = [
        // One for each listener, and one for the new component's check.
        ("SPINDLE_HOST_MAX_INSTANCES", "3"),
        ("SPINDLE_HOST_THREADS", "1"),
        ("SPINDLE_HOST_IDLE_TIMEOUT", "1h"),
    ];
    let app = project.start(&limits).await;
    for swap in 0..10 {
        assert_eq!(
            app.request_to("faulty", Method::GET, "/")
                .send()
                .await
                .status,
            200
        );
        project.build(&name(swap));
        let reload = tokio::time::timeout(TIMEOUT, app.reload(&[])).await;
        assert_eq!(reload.expect("in time").change("faulty"), "replaced");
        assert_eq!(app.build().await, name(swap));
    }
}
