//! Encryption modes and envelopes over HTTP.

use rstest::rstest;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::support::{Answer, App, Builder, HostMode};

const REGISTER: &str = "/api/v1/users/register";
const LOGIN: &str = "/api/v1/users/login";

fn ada_registration() -> Value {
    json!({ "username": "ada", "email": "ada@example.com", "password": "correct horse" })
}

#[rstest]
#[tokio::test]
async fn a_sealed_registration_gets_a_sealed_answer(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPIN_VARIABLE_PRODUCTION", "true")
        .start()
        .await;
    let sealed = app.seal("user", REGISTER, &ada_registration());
    let answer = app
        .post(REGISTER)
        .header("x-service-communication", "encrypted")
        .text(&sealed)
        .send()
        .await;
    let answer = answer.expect(201);
    assert_eq!(answer.header("x-service-communication"), "encrypted");
    assert!(!answer.text.contains("ada"), "{answer:?}");
    assert_eq!(app.open(&answer.text)["data"]["username"], "ada");
}

#[rstest]
#[tokio::test]
async fn production_rejects_plain_bodies_on_required_routes(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPIN_VARIABLE_PRODUCTION", "true")
        .start()
        .await;
    app.post(REGISTER)
        .json(&ada_registration())
        .send()
        .await
        .expect_problem(400, "encryption-required");
    let event = json!({ "event_type": "search", "event_name": "x" });
    app.post("/api/v1/analytics/events")
        .json(&event)
        .send()
        .await
        .expect_problem(400, "encryption-required");
    // Production does not change routes where encryption is optional.
    let login = json!({ "username": "ada", "password": "correct horse" });
    app.post(LOGIN)
        .json(&login)
        .send()
        .await
        .expect_problem(401, "invalid-credentials");
}

#[rstest]
#[tokio::test]
async fn development_accepts_plain_bodies(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.post(REGISTER)
        .json(&ada_registration())
        .send()
        .await
        .expect(201);
}

#[rstest]
#[tokio::test]
async fn an_answer_is_sealed_on_request(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let profile = app
        .get("/api/v1/users/profile")
        .bearer(&token)
        .header("x-encrypt-response", "true");
    let answer = profile.send().await.expect(200);
    assert_eq!(answer.header("x-service-communication"), "encrypted");
    assert!(!answer.text.contains("example.com"), "{answer:?}");
    assert_eq!(app.open(&answer.text)["data"]["email"], "ada@example.com");

    let login = app.seal(
        "user",
        LOGIN,
        &json!({ "username": "ada", "password": crate::support::app::PASSWORD }),
    );
    let answer = app.post(LOGIN).text(&login).send().await.expect(200);
    assert!(app.open(&answer.text)["access_token"].is_string());

    let statistics = app
        .get("/api/v1/analytics/stats")
        .header("x-encrypt-response", "true")
        .send()
        .await;
    assert!(app.open(&statistics.expect(200).text)["data"]["total_events"].is_u64());

    let count = app
        .get("/api/v1/users/stats/count")
        .header("x-encrypt-response", "true")
        .send()
        .await;
    assert_eq!(count.expect(200).json()["data"]["total_users"], 1);
}

#[rstest]
#[tokio::test]
async fn a_problem_for_a_sealed_request_is_sealed(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let sealed = app.seal("user", REGISTER, &json!({ "username": "x" }));
    let answer = app.post(REGISTER).text(&sealed).send().await.expect(422);
    let problem = app.open(&answer.text);
    assert_eq!(problem["type"], "/problems/invalid-fields");
    assert_eq!(
        problem["errors"].as_array().map(Vec::len),
        Some(3),
        "{problem}"
    );
}

#[rstest]
#[tokio::test]
async fn envelopes_for_another_request_get_the_same_problem(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let other = App::start(mode).await;
    let text = ada_registration().to_string();
    let sealed = app.seal("user", REGISTER, &ada_registration());
    let envelope = serde_json::from_str::<Value>(&sealed).expect("JSON")["encrypted_data"].clone();
    let envelope = envelope.as_str().expect("text");
    let body = |envelope: &str| json!({ "encrypted_data": envelope }).to_string();
    let middle = envelope.len() / 2;
    let altered = if envelope[middle..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    let altered = format!(
        "{}{altered}{}",
        &envelope[..middle],
        &envelope[middle + 1..]
    );
    let invalid = [
        ("truncated", body(&envelope[..envelope.len() - 7])),
        ("empty", body("")),
        ("no envelope", body("a.b.c.d.e")),
        ("altered", body(&altered)),
        (
            "of another key",
            other.seal("user", REGISTER, &ada_registration()),
        ),
        (
            "for another path",
            app.seal("user", LOGIN, &ada_registration()),
        ),
        (
            "for another service",
            app.seal("analytics", REGISTER, &ada_registration()),
        ),
        (
            "for another method",
            app.seal_with(&["--to", "user", "--path", REGISTER, "--method", "PUT", &text]),
        ),
        (
            "from a service that user does not hear",
            app.seal_with(&[
                "--from", "gateway", "--to", "user", "--path", REGISTER, &text,
            ]),
        ),
    ];
    let mut seen: Option<Value> = None;
    for (what, body) in invalid {
        let answer = app.post(REGISTER).text(&body).send().await;
        let problem = expect_invalid_envelope(what, &answer);
        assert_eq!(
            seen.get_or_insert_with(|| problem.clone()),
            &problem,
            "{what}"
        );
    }
    // Only the log contains the reasons.
    app.wait_for_log("the rejection in the log", |line| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.contains("envelope"))
    })
    .await;
    // The rejected requests created no user, so the valid envelope still works, but only once.
    app.post(REGISTER).text(&sealed).send().await.expect(201);
    expect_invalid_envelope("used twice", &app.post(REGISTER).text(&sealed).send().await);
}

#[track_caller]
fn expect_invalid_envelope(what: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status, 400, "{what}: {answer:?}");
    let problem = answer.json();
    assert_eq!(
        problem["type"], "/problems/envelope-invalid",
        "{what}: {answer:?}"
    );
    problem
}

#[rstest]
#[tokio::test]
async fn an_expired_envelope_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPINDLE_ENVELOPES_MAX_AGE", "1s")
        .env("SPINDLE_ENVELOPES_CLOCK_SKEW", "0s")
        .start()
        .await;
    let sealed = app.seal(
        "user",
        LOGIN,
        &json!({ "username": "ada", "password": "correct horse" }),
    );
    // The envelope expires by wall-clock time, so the test has to wait for it.
    let sealed_at = std::time::Instant::now();
    crate::support::until("the envelope to expire", async || {
        (sealed_at.elapsed() > std::time::Duration::from_secs(3)).then_some(())
    })
    .await;
    expect_invalid_envelope("expired", &app.post(LOGIN).text(&sealed).send().await);
}

#[rstest]
#[tokio::test]
async fn the_encryption_header_alone_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answer = app
        .post(REGISTER)
        .header("x-service-communication", "encrypted")
        .json(&ada_registration())
        .send()
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn an_envelope_opens_at_one_of_two_adapters() {
    let builder =
        || Builder::new(HostMode::Embedded).env("SPINDLE_ENVELOPES_REPLAY_SCOPE", "database");
    let one = builder().start().await;
    let two = builder().beside(&one).start().await;
    let body = json!({ "username": "ada", "password": "correct horse" });
    for (first, second) in [(&one, &two), (&two, &one)] {
        let sealed = one.seal("user", LOGIN, &body);
        let answer = first.post(LOGIN).text(&sealed).send().await;
        answer.expect_sealed_problem(&one, 401);
        expect_invalid_envelope("replayed", &second.post(LOGIN).text(&sealed).send().await);
        expect_invalid_envelope("repeated", &first.post(LOGIN).text(&sealed).send().await);
    }
    // While the ids cannot be compared, an envelope is not opened, and it stays valid.
    let mut admin = one.admin_connection().await;
    let sealed = one.seal("user", LOGIN, &body);
    let rename = "alter table tokens.opened_envelopes rename to gone";
    admin.execute(rename).await.expect("rename");
    let answer = one.post(LOGIN).text(&sealed).send().await;
    answer.expect_problem(503, "unavailable");
    let rename = "alter table tokens.gone rename to opened_envelopes";
    admin.execute(rename).await.expect("rename");
    let answer = two.post(LOGIN).text(&sealed).send().await;
    answer.expect_sealed_problem(&one, 401);
}
