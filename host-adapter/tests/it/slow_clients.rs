//! Clients that send or take slowly, or more than they may.

use std::{io::Write as _, net::TcpStream};

use rstest::rstest;

use crate::support::{
    App, Builder, HostMode,
    faulty::{self, manifest, project},
    raw::{connect, exchange},
};

/// More than the requests that may be in flight.
const STALLED: usize = 200;

/// A request to log in with a body of this many bytes, without the body.
fn login(bytes: usize) -> String {
    format!(
        "POST /api/v1/users/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
    )
}

#[tokio::test]
async fn stalled_bodies_do_not_delay_other_requests() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_HOST_MAX_REQUESTS", "100")
        // They must be there all at the same time.
        .env("SPINDLE_HOST_BODY_TIMEOUT", "4m")
        .start()
        .await;
    let stalled: Vec<TcpStream> = std::iter::repeat_with(|| connect(&app))
        .take(STALLED)
        .collect();
    for mut stream in &stalled {
        stream.write_all(login(10).as_bytes()).expect("sent");
    }
    app.wait_for_requests_in_flight("user", STALLED).await;
    app.get("/health").send().await.expect(200);
    app.get("/api/v1/users/stats/count")
        .send()
        .await
        .expect(200);
    drop(stalled);
}

#[tokio::test]
async fn one_client_leaves_requests_to_others() {
    let directory = project(&manifest());
    let limits = [
        ("SPINDLE_HOST_TRUSTED_PROXIES", "127.0.0.1"),
        ("SPINDLE_HOST_MAX_REQUESTS_PER_CLIENT", "2"),
        ("SPINDLE_HOST_REQUEST_TIMEOUT", "5m"),
    ];
    let app = faulty::start(directory.path(), &limits).await;
    let ask = |client: &'static str, path: &str| app.get(path).header("x-forwarded-for", client);
    let greedy: Vec<_> = (0..2)
        .map(|_| tokio::spawn(ask("192.0.2.1", "/wait").send()))
        .collect();
    app.wait_for_requests_in_flight("faulty", 2).await;
    let above = ask("192.0.2.1", "/").send().await;
    above.expect_problem(503, "overloaded");
    ask("192.0.2.2", "/").send().await.expect(200);
    app.get("/").send().await.expect(200);
    greedy.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_HOST_BODY_TIMEOUT", "200ms")
        .start()
        .await;
    let answer = exchange(connect(&app), format!("{}{{", login(10)).into()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("/problems/request-timeout"), "{answer}");
}

#[rstest]
#[tokio::test]
async fn a_client_that_sends_everything_first_reads_413(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let bytes = 8 << 20;
    let text = [login(bytes).into_bytes(), vec![b' '; bytes]].concat();
    let answer = exchange(connect(&app), text).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_large_head_is_rejected() {
    let app = App::start(HostMode::Embedded).await;
    let ask = async |bytes: usize| {
        let header = "x".repeat(bytes);
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {header}\r\n\r\n");
        exchange(connect(&app), head.into()).await
    };
    assert!(ask(30 << 10).await.starts_with("HTTP/1.1 200"));
    // A head may exceed the limit by the last read. The host does not read the rest, so the connection may be
    // reset before the answer is read.
    let answer = ask(80 << 10).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}
