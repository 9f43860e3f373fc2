//! Calls as frames on kept connections: what each side makes of the other's faults.

use adapter_contract::{
    TYPES,
    postgres::{self, ResultSet, Value},
};
use adapter_wire::{Format, HEAD, Kind, MAX_HELLO, PREFACE};
use rstest::rstest;
use socket2::SockRef;

use crate::support::{
    App, HostMode,
    app::PASSWORD,
    forward::Fault,
    frames::{self, FrameAnswer, FrameClient},
    sidecar::{StandaloneAdapter, VERSION},
    until,
};

const SELECT: &str = "postgres/fetch";

type Fetched = Result<ResultSet, postgres::Error>;

/// The arguments of a statement without parameters.
fn statement(sql: &str) -> (&str, Vec<Value>) {
    (sql, vec![])
}

fn select_one() -> Vec<u8> {
    frames::call(SELECT, &statement("select 1"))
}

fn text(answer: &FrameAnswer) -> String {
    String::from_utf8(answer.content.clone()).expect("text")
}

#[tokio::test]
async fn a_connection_carries_one_call_after_the_other() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let mut user = FrameClient::of(&adapter, "user").await;
    for number in ["1", "2"] {
        let sql = format!("select {number}::bigint");
        let rows: Fetched = user.call(SELECT, &statement(&sql)).await;
        let value = Value::Int64(number.parse().expect("a number"));
        assert_eq!(rows.expect("rows").rows, [[value]]);
    }
    let mut gateway = FrameClient::of(&adapter, "gateway").await;
    let denied: Fetched = gateway.call(SELECT, &statement("select 1")).await;
    assert!(
        matches!(denied, Err(postgres::Error::Denied(_))),
        "{denied:?}"
    );
    // What the adapter rejects does not end the connection.
    user.send(&frames::call("postgres/drop", &())).await;
    let unknown = user.answer().await.expect("an answer");
    assert_eq!((unknown.kind, unknown.is_last), (Kind::Unavailable, false));
    assert!(text(&unknown).contains("no such function"));
    user.send(&frames::call(SELECT, &"hidden")).await;
    let unreadable = user.answer().await.expect("an answer");
    assert_eq!(
        (unreadable.kind, unreadable.is_last),
        (Kind::Invalid, false)
    );
    assert!(!text(&unreadable).contains("hidden"));
    let rows: Fetched = user.call(SELECT, &statement("select 1")).await;
    assert!(rows.is_ok(), "{rows:?}");
}

#[tokio::test]
async fn a_wrong_token_or_version_ends_the_connection() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let token = adapter.sidecar.tokens["user"].clone();
    for (version, token, kind, words) in [
        (VERSION, "", Kind::UnknownCaller, ""),
        (VERSION, "wrong", Kind::UnknownCaller, ""),
        (
            "0.0.9",
            &*token,
            Kind::Unavailable,
            "upgrade adapter-client",
        ),
        ("7.0.0", &*token, Kind::Unavailable, "upgrade host-adapter"),
    ] {
        let mut client = FrameClient::connect(&adapter).await;
        client.hello(version, token, TYPES).await;
        client.send(&select_one()).await;
        let rejection = client.answer().await.expect("an answer");
        assert_eq!((rejection.kind, rejection.is_last), (kind, true));
        let text = text(&rejection);
        assert!(
            text.contains(words) && text.is_empty() == words.is_empty(),
            "{text}"
        );
        assert_eq!(client.answer().await, None);
    }
}

#[tokio::test]
async fn a_client_with_other_types_is_understood_as_json() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let mut client = FrameClient::connect(&adapter).await;
    let token = &adapter.sidecar.tokens["user"];
    client.hello(VERSION, token, TYPES + 1).await;
    let select = statement("select 7::bigint");
    client.send(&frames::call(SELECT, &select)).await;
    let answer = client.answer().await.expect("an answer");
    assert_eq!((answer.kind, answer.is_last), (Kind::OtherTypes, false));
    let json = frames::call_as(Format::Json, SELECT, &select);
    client.send(&json).await;
    let answer = client.answer().await.expect("an answer");
    assert_eq!((answer.kind, answer.is_last), (Kind::Result, false));
    assert!(
        text(&answer).contains("[[{\"Int64\":7}]]"),
        "{}",
        text(&answer)
    );
}

#[tokio::test]
async fn what_is_not_of_the_protocol_ends_the_connection() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let large = u32::try_from(MAX_HELLO + 1)
        .expect("a length")
        .to_le_bytes();
    for start in [
        b"\0another".to_vec(),
        [&PREFACE[..], &large, &[0; MAX_HELLO + 1]].concat(),
        [&PREFACE[..], &[3, 0, 0, 0, 1, 2, 3]].concat(),
    ] {
        let mut client = FrameClient::connect(&adapter).await;
        client.send(&start).await;
        assert_eq!(client.answer().await, None, "{start:?}");
    }
    // More than one call in flight.
    let mut client = FrameClient::of(&adapter, "user").await;
    let slow = frames::call(SELECT, &statement("select true from pg_sleep(4)"));
    client.send(&[slow, select_one()].concat()).await;
    assert_eq!(client.answer().await, None);
    // A frame that names no function.
    let mut client = FrameClient::of(&adapter, "user").await;
    client.send(&[0; HEAD]).await;
    let rejection = client.answer().await.expect("an answer");
    assert_eq!((rejection.kind, rejection.is_last), (Kind::Invalid, true));
}

#[tokio::test]
async fn a_frame_above_the_limit_is_rejected() {
    let adapter = StandaloneAdapter::start(&[("SPINDLE_SERVER_MAX_BODY", "64KiB")]).await;
    let mut client = FrameClient::of(&adapter, "user").await;
    let large = ("select 1", vec![Value::Text("x".repeat(100_000))]);
    client.send(&frames::call(SELECT, &large)).await;
    let rejection = client.answer().await.expect("an answer");
    assert_eq!((rejection.kind, rejection.is_last), (Kind::TooLarge, true));
    assert!(text(&rejection).contains("server.max_body"));
    assert_eq!(client.answer().await, None);
}

#[tokio::test]
async fn a_connection_without_calls_is_closed() {
    let adapter = StandaloneAdapter::start(&[
        // A busy machine must not take as long between two lines of this test.
        ("SPINDLE_SERVER_IDLE_TIMEOUT", "4s"),
        ("SPINDLE_HOST_HEADER_TIMEOUT", "2s"),
    ])
    .await;
    let mut client = FrameClient::of(&adapter, "user").await;
    let rows: Fetched = client.call(SELECT, &statement("select 1")).await;
    assert!(rows.is_ok(), "{rows:?}");
    assert_eq!(client.answer().await, None);
    // Those that do not say who they are, too.
    for start in [&b""[..], &PREFACE[..3], &PREFACE] {
        let mut client = FrameClient::connect(&adapter).await;
        client.send(start).await;
        assert_eq!(client.answer().await, None, "{start:?}");
    }
}

#[tokio::test]
async fn connections_above_the_limit_wait() {
    let adapter = StandaloneAdapter::start(&[
        ("SPINDLE_SERVER_MAX_CONNECTIONS", "1"),
        ("SPINDLE_SERVER_IDLE_TIMEOUT", "4s"),
    ])
    .await;
    let mut first = FrameClient::of(&adapter, "user").await;
    let rows: Fetched = first.call(SELECT, &statement("select 1")).await;
    assert!(rows.is_ok(), "{rows:?}");
    let mut second = FrameClient::of(&adapter, "user").await;
    let rows: Fetched = second.call(SELECT, &statement("select 1")).await;
    assert!(rows.is_ok(), "{rows:?}");
    // It was served because the first one was idle for too long.
    assert!(matches!(first.0.try_read(&mut [0]), Ok(0)));
}

#[tokio::test]
async fn calls_in_flight_on_all_connections_are_limited() {
    let adapter = StandaloneAdapter::start(&[("SPINDLE_SERVER_MAX_REQUESTS", "1")]).await;
    let (whole, mut unfinished) = (select_one(), vec![]);
    let (begin, end) = whole.split_at(20);
    let mut other = FrameClient::of(&adapter, "user").await;
    until("the rejection of a second call", async || {
        let mut first = FrameClient::of(&adapter, "user").await;
        first.send(begin).await;
        unfinished.push(first);
        other.send(&whole).await;
        let answer = other.answer().await.expect("an answer");
        let rejected = answer.kind == Kind::Unavailable && !answer.is_last;
        (rejected && text(&answer).contains("server.max_requests")).then_some(())
    })
    .await;
    // One of them has the place.
    let mut results = 0;
    for mut first in unfinished {
        first.send(end).await;
        let answer = first.answer().await.expect("an answer");
        results += usize::from(answer.kind == Kind::Result);
    }
    assert!(results > 0);
    let rows: Fetched = other.call(SELECT, &statement("select 1")).await;
    assert!(rows.is_ok(), "{rows:?}");
}

#[tokio::test]
async fn a_client_that_is_too_slow_loses_its_connection() {
    let adapter = StandaloneAdapter::start(&[
        // Enough for the first connection and a large answer, also on a busy machine.
        ("SPINDLE_SERVER_REQUEST_TIMEOUT", "5s"),
        ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "4s"),
        ("SPINDLE_DISPATCH_TIMEOUT", "1s"),
        ("SPINDLE_HEALTH_TIMEOUT", "1s"),
        ("SPINDLE_HOST_WRITE_TIMEOUT", "500ms"),
        ("LOG_LEVEL", "DEBUG"),
    ])
    .await;
    let mut sender = FrameClient::of(&adapter, "user").await;
    sender.send(&select_one()[..9]).await;
    let rejection = sender.answer().await.expect("an answer");
    assert_eq!(
        (rejection.kind, rejection.is_last),
        (Kind::Unavailable, true)
    );
    assert!(text(&rejection).contains("server.request_timeout"));
    // An answer that is larger than what the system holds for a client that does not take it.
    let mut reader = FrameClient::of(&adapter, "user").await;
    SockRef::from(&reader.0)
        .set_recv_buffer_size(4096)
        .expect("set");
    let large = statement("select repeat('x', 1000000)");
    reader.send(&frames::call(SELECT, &large)).await;
    until("the end of the connection in the log", async || {
        let log = adapter.log.lock().expect("log");
        log.iter()
            .any(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("connection of adapter-client"))
            })
            .then_some(())
    })
    .await;
    assert_eq!(reader.answer().await, None);
}

/// An application with a user, and the user's token. The messages about them, which make calls too, are delivered.
async fn start() -> (App, String) {
    let app = App::start(HostMode::Composed).await;
    let token = app.register_and_log_in("ada").await;
    let mut admin = app.admin_connection().await;
    until("the messages to be delivered", async || {
        let waiting = sqlx::query_scalar("select count(*) from \"user\".outbox");
        let waiting: i64 = waiting.fetch_one(&mut admin).await.expect("a count");
        (waiting == 0).then_some(())
    })
    .await;
    (app, token)
}

/// The only call of a count is `postgres/fetch`.
async fn expect_count(app: &App) {
    let count = app.get("/api/v1/users/stats/count").send().await;
    let count = count.expect(200).json();
    assert_eq!(count["data"]["total_users"], 1);
}

/// The next calls of `function` by the component `user` have these faults.
async fn fail_next(app: &mut App, function: &str, faults: impl IntoIterator<Item = Fault>) {
    app.adapter().fail_next("user", function, faults).await;
}

#[tokio::test]
async fn a_call_that_was_not_sent_is_sent_on_another_connection() {
    let (mut app, _) = start().await;
    expect_count(&app).await;
    app.adapter().address.cut().await;
    // Its first call is `passwords/admit`, which must not be made twice.
    app.register("grace").await.expect(201);
    app.adapter().address.cut().await;
    app.log_in("grace", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn only_a_call_that_changes_nothing_is_made_again() {
    let (mut app, token) = start().await;
    let lost = || Fault::Answer(vec![]);
    let get = async |app: &App, path: &str| app.get(path).bearer(&token).send().await;
    // The first call of the list of sessions is `tokens/verify`.
    const SESSIONS: &str = "/api/v1/users/sessions";
    fail_next(&mut app, "tokens/verify", [lost()]).await;
    get(&app, SESSIONS).await.expect(200);
    assert!(app.adapter().address.has_failed());
    // Twice is not more than once again.
    fail_next(&mut app, "tokens/verify", [lost(), lost()]).await;
    let sessions = get(&app, SESSIONS).await;
    sessions.expect_problem(503, "unavailable");
    // A statement could write.
    fail_next(&mut app, "subject-queries/fetch", [lost()]).await;
    let profile = get(&app, "/api/v1/users/profile").await;
    profile.expect_problem(503, "unavailable");
    fail_next(&mut app, SELECT, [lost()]).await;
    let count = app.get("/api/v1/users/stats/count").send().await;
    count.expect_problem(503, "unavailable");
    expect_count(&app).await;
}

#[tokio::test]
async fn an_adapter_with_other_types_is_called_by_json() {
    let (mut app, _) = start().await;
    let other = frames::answer(Kind::OtherTypes, true, b"");
    fail_next(&mut app, SELECT, [Fault::Answer(other)]).await;
    expect_count(&app).await;
    assert!(app.adapter().address.has_failed());
    expect_count(&app).await;
}

#[rstest]
#[case::half_an_answer(vec![100, 0, 0, 0, 0, 1, 2])]
#[case::half_a_length(vec![100])]
#[case::an_empty_answer(vec![0; 4])]
#[case::more_than_an_answer_may_have(vec![1, 0, 0, 1, 0])]
#[case::another_kind(vec![1, 0, 0, 0, 0x40])]
#[case::another_type(frames::answer(Kind::Result, false, b"no result set"))]
#[tokio::test]
async fn a_broken_answer_is_no_answer(#[case] bytes: Vec<u8>) {
    let (mut app, _) = start().await;
    fail_next(&mut app, SELECT, [Fault::Answer(bytes)]).await;
    let count = app.get("/api/v1/users/stats/count").send().await;
    assert!([500, 503].contains(&count.status.as_u16()), "{count:?}");
    expect_count(&app).await;
}

#[tokio::test]
async fn what_follows_an_answer_is_not_the_next_ones() {
    let (mut app, _) = start().await;
    let wrong: Fetched = Ok(ResultSet {
        columns: vec!["total".to_owned(), "active".to_owned()],
        rows: vec![vec![Value::Int64(7), Value::Int64(7)]],
    });
    let wrong = Format::Binary.encode(&wrong, vec![]).expect("a result");
    let rejected = frames::answer(Kind::Unavailable, false, b"busy");
    let two = [rejected, frames::answer(Kind::Result, false, &wrong)].concat();
    fail_next(&mut app, SELECT, [Fault::Keep(two)]).await;
    let count = app.get("/api/v1/users/stats/count").send().await;
    count.expect_problem(503, "unavailable");
    expect_count(&app).await;
}
