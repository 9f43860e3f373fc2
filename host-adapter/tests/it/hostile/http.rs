//! What `spindle:adapter/http` does for a component, and what it leaves to `wasi:http`.

use rstest::rstest;

use crate::support::{
    App, HostMode,
    raw::{connect, exchange},
};

/// The largest body of a request, and the largest response, that cross in one call.
const LIMIT: usize = 64 << 10;

const DECLINED: &str = "declined";

#[tokio::test]
async fn a_request_is_read_in_one_call_if_it_has_arrived() {
    let (app, _project) = super::start(HostMode::Embedded, &[]).await;
    for (length, expected) in [
        (0, "POST /hostile/receive?a=b, 2 headers, 0 bytes"),
        (LIMIT, "POST /hostile/receive?a=b, 2 headers, 65536 bytes"),
        (LIMIT + 1, DECLINED),
        (1 << 20, DECLINED),
    ] {
        let request = app.post("/hostile/receive?a=b").text(&"x".repeat(length));
        let request = request.header("x-test-1", "1").header("x-test-2", "2");
        assert_eq!(request.send().await.expect(200).text, expected);
    }
    let answer = app.get("/hostile/receive").send().await.expect(200).text;
    assert_eq!(answer, "GET /hostile/receive, 0 headers, 0 bytes");
    let chunked = "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";
    for (rest, expected) in [
        (format!("{chunked}\r\n"), "3 bytes"),
        (
            format!("trailer: x-sum\r\n{chunked}x-sum: 1\r\n\r\n"),
            DECLINED,
        ),
        (
            "content-length: 3\r\nexpect: 100-continue\r\n\r\nabc".to_owned(),
            DECLINED,
        ),
    ] {
        let head = "POST /hostile/receive HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
        let answer = exchange(connect(&app), format!("{head}{rest}").into()).await;
        assert!(answer.contains(expected), "{rest:?}: {answer}");
    }
}

#[tokio::test]
async fn only_the_request_that_came_in_is_read_in_one_call() {
    let (app, _project) = super::start(HostMode::Embedded, &[]).await;
    let answer = app.post("/hostile/receive-own").text("x").send().await;
    answer.expect_problem(500, "internal");
    super::expect_victim(&app).await;
}

/// Has the component make `count` responses, and returns the last one.
async fn respond(app: &App, arguments: &str, header: (&str, &str)) -> crate::support::Answer {
    let request = app.get(&format!("/hostile/respond/{arguments}"));
    request.header(header.0, header.1).send().await
}

#[tokio::test]
async fn a_small_valid_response_is_made_in_one_call() {
    let (app, _project) = super::start(HostMode::Embedded, &[]).await;
    let colour = ("x-test-colour", "red");
    let answer = respond(&app, "201/3/1", colour).await.expect(201);
    assert_eq!(
        (answer.text.as_str(), answer.header("colour")),
        ("xxx", "red")
    );
    let room = LIMIT - "colour: red\r\n".len();
    let answer = respond(&app, &format!("200/{room}/1"), colour).await;
    assert_eq!(answer.expect(200).text.len(), room);
    let left_out = respond(&app, "200/3/1", ("x-test-transfer-encoding", "gzip")).await;
    assert_eq!(left_out.expect(200).text, "xxx");
    for (arguments, header) in [
        (format!("200/{}/1", room + 1), colour),
        ("99/3/1".to_owned(), colour),
        ("1000/3/1".to_owned(), colour),
        ("200/3/1".to_owned(), ("x-test-ablankb", "1")),
        // The first of the two is not used, and is gone with the request.
        ("200/3/2".to_owned(), colour),
    ] {
        let answer = respond(&app, &arguments, header).await.expect(200);
        assert_eq!(answer.text, DECLINED, "{arguments}");
    }
}

#[tokio::test]
async fn a_response_of_another_length_than_it_says_is_not_sent() {
    let (app, _project) = super::start(HostMode::Embedded, &[]).await;
    for length in ["1", "5"] {
        let request = format!(
            "GET /hostile/respond/200/3/1 HTTP/1.1\r\nhost: x\r\nx-test-content-length: {length}\r\n\r\n"
        );
        let answer = exchange(connect(&app), request.into()).await;
        assert!(!answer.contains("\r\n\r\nxxx"), "{length}: {answer}");
    }
    super::expect_victim(&app).await;
}

#[rstest]
#[case::receive("receive")]
#[case::respond("respond/200/3/1")]
#[tokio::test]
async fn a_composed_component_uses_wasi_http(#[case] what: &str) {
    let (app, _project) = super::start(HostMode::Composed, &[]).await;
    assert_eq!(super::attempt(&app, what, "x").await, DECLINED);
}

#[rstest]
#[tokio::test]
async fn requests_without_a_path_are_answered(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for (line, status) in [
        ("OPTIONS *", "404"),
        ("CONNECT example.com:443", "404"),
        ("GET http://example.com", "200"),
    ] {
        // The first request of an instance is read with `wasi:http` on each host, and each thread has an instance.
        for _ in 0..5 {
            let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            let answer = exchange(connect(&app), request.into()).await;
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{line}: {answer}");
        }
    }
}
