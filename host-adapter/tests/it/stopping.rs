//! How the program stops: it says so, serves on for a while, and says what it cut off.

use reqwest::Method;
use rstest::rstest;

use crate::support::{
    App, Builder, HostMode,
    client::Request,
    faulty::{manifest, project},
    process::send_signal,
    until,
};

const COUNT: &str = "/api/v1/users/stats/count";

#[rstest]
#[tokio::test]
async fn requests_are_answered_while_readiness_fails(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let builder = Builder::new(mode).env("SPINDLE_HOST_DRAIN_DELAY", "5m");
    let app = builder.start().await;
    app.get(COUNT).send().await.expect(200);
    send_signal(app.pid(), "TERM");
    let ready = format!("{}/ready", app.management());
    until("the failure of readiness", async || {
        let answer = Request::new(Method::GET, &ready).send().await;
        (answer.status == 503).then(|| assert_eq!(answer.json()["phase"], "stopping"))
    })
    .await;
    let answer = app.get(COUNT).send().await.expect(200);
    if mode == HostMode::Embedded {
        assert_eq!(answer.header("connection"), "close");
    }
    if mode == HostMode::Composed {
        // Signals that reach a process together count as one, so the first one is seen before the second is sent.
        send_signal(app.host_pid(), "TERM");
        until("both processes to drain", async || {
            let draining = |line: &&serde_json::Value| {
                let text = line["message"].as_str();
                text.is_some_and(|text| text.starts_with("not ready any more"))
            };
            (app.log().iter().filter(draining).count() == 2).then_some(())
        })
        .await;
    }
    // The second signal ends the delay.
    let (code, log) = app.stop().await;
    assert_eq!(code, Some(0), "{log:#?}");
}

#[tokio::test]
async fn what_is_cut_off_is_said_in_one_line() {
    let directory = project(&manifest());
    let limits = [("SPINDLE_HOST_SHUTDOWN_TIMEOUT", "100ms")];
    let app: App = crate::support::faulty::start(directory.path(), &limits).await;
    let waiting =
        [app.get("/wait"), app.get("/wait")].map(|request| tokio::spawn(request.0.send()));
    app.wait_for_requests_in_flight("faulty", 2).await;
    let (code, log) = app.stop().await;
    assert_eq!(code, Some(0), "{log:#?}");
    for request in waiting {
        assert!(request.await.expect("join").is_err(), "it was answered");
    }
    let said = |line: &&serde_json::Value| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("cut off")
    };
    let lines: Vec<_> = log.iter().filter(said).collect();
    let text = lines[0]["message"].as_str().expect("text");
    assert!(text.contains("2 requests were cut off"), "{text}");
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"WARNING".into()));
}
