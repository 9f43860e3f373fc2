//! Requests that are rejected before a service handles them.

use rstest::rstest;
use std::io::{Read as _, Write as _};

use crate::support::{App, Builder, HostMode};

const REGISTER: &str = "/api/v1/users/register";

#[rstest]
#[tokio::test]
async fn malformed_json_and_invalid_fields_differ(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for body in [
        "",
        "{",
        "{\"username\": \"ada\",}",
        "nonsense",
        "{\"username\": \"\u{fffd}",
    ] {
        app.post(REGISTER)
            .text(body)
            .send()
            .await
            .expect_problem(400, "malformed-json");
    }
    for body in ["[]", "1", "null", "\"text\""] {
        let answer = app.post(REGISTER).text(body).send().await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 422),
            "{body}: {answer:?}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn a_deeply_nested_body_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let body = "[".repeat(10_000);
    app.post(REGISTER)
        .text(&body)
        .send()
        .await
        .expect_problem(400, "malformed-json");
    app.get("/health").send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn only_json_is_accepted(#[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode) {
    let app = App::start(mode).await;
    let send = |content_type: &'static str| {
        let request = app.post(REGISTER);
        crate::support::client::Request(request.0.header("content-type", content_type).body("{}"))
            .send()
    };
    send("text/plain")
        .await
        .expect_problem(415, "unsupported-media-type");
    send("application/x-www-form-urlencoded")
        .await
        .expect_problem(415, "unsupported-media-type");
    send("application/json; charset=utf-8").await.expect(422);
    let untyped = crate::support::client::Request(app.post(REGISTER).0.body("{}"));
    untyped
        .send()
        .await
        .expect_problem(415, "unsupported-media-type");
}

#[rstest]
#[tokio::test]
async fn a_body_above_one_mebibyte_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let body = |size: usize| format!("{{\"username\": \"{}\"}}", "x".repeat(size));
    app.post(REGISTER)
        .text(&body(1024 * 1024))
        .send()
        .await
        .expect_problem(413, "body-too-large");
    app.post(REGISTER)
        .text(&body(1024 * 1024 - 100))
        .send()
        .await
        .expect(422);
}

#[rstest]
#[tokio::test]
async fn unknown_paths_and_methods_get_different_problems(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for path in [
        "/nowhere",
        "/api/v1/users/nowhere",
        "/api/v1/analytics/",
        "/api/v1/usersx",
    ] {
        let problem = app
            .get(path)
            .send()
            .await
            .expect_problem(404, "not-found")
            .json();
        assert_eq!(problem["instance"], path);
    }
    for (path, allowed) in [
        (REGISTER, "POST"),
        ("/api/v1/users/login", "POST"),
        ("/api/v1/analytics/stats/rebuild", "POST"),
    ] {
        let answer = app
            .get(path)
            .send()
            .await
            .expect_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allowed);
    }
    app.request(reqwest::Method::TRACE, "/api/v1/users/profile")
        .send()
        .await
        .expect_problem(405, "method-not-allowed");
    let answer = app
        .request(reqwest::Method::DELETE, "/api/v1/users/profile")
        .send()
        .await;
    assert_eq!(
        answer
            .expect_problem(405, "method-not-allowed")
            .header("allow"),
        "GET,HEAD"
    );
}

#[rstest]
#[tokio::test]
async fn head_answers_like_get_without_a_body(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let get = app.get("/").send().await.expect(200);
    let head = app
        .request(reqwest::Method::HEAD, "/")
        .send()
        .await
        .expect(200);
    assert_eq!(head.text, "");
    assert_eq!(head.header("content-length"), get.header("content-length"));
}

#[rstest]
#[tokio::test]
async fn a_stalling_client_is_disconnected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPINDLE_HOST_HEADER_TIMEOUT", "1s")
        .start()
        .await;
    let address = app
        .url("all routes")
        .trim_start_matches("http://")
        .to_owned();
    let closed = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("connect");
        stream
            .set_read_timeout(Some(crate::support::TIMEOUT))
            .expect("timeout");
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
            .expect("write");
        stream.read_to_end(&mut Vec::new()).is_ok()
    });
    assert!(closed.await.expect("join"), "the connection was kept");
}

#[rstest]
#[tokio::test]
async fn a_body_that_expands_in_memory_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let body = format!("[{}]", vec!["{\"\":0}"; 130_000].join(","));
    let mut bombs = tokio::task::JoinSet::new();
    for _ in 0..16 {
        bombs.spawn(app.post("/api/v1/users/login").text(&body).send());
    }
    for _ in 0..20 {
        app.get("/api/v1/users/stats/count")
            .send()
            .await
            .expect(200);
    }
    for answer in bombs.join_all().await {
        answer.expect_problem(413, "body-too-large");
    }
}

#[rstest]
#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPINDLE_HOST_WRITE_TIMEOUT", "1s")
        .start()
        .await;
    let address = app
        .url("all routes")
        .trim_start_matches("http://")
        .to_owned();
    let cut = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("connect");
        stream
            .set_write_timeout(Some(crate::support::TIMEOUT))
            .expect("timeout");
        let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
        // Write until the buffers of both directions are full. A write timeout (`WouldBlock`) would
        // mean that the host kept the connection.
        loop {
            match stream.write_all(requests.as_bytes()) {
                Ok(()) => {}
                Err(error) => break error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    });
    assert!(cut.await.expect("join"), "the connection was kept");
    app.get("/").send().await.expect(200);
}
