//! `POST /api/v1/users/password`.

use rstest::rstest;
use serde_json::json;
use sqlx::Executor as _;

use crate::support::{Answer, App, Builder, HostMode, app::PASSWORD, cluster};

const PATH: &str = "/api/v1/users/password";
const PROFILE: &str = "/api/v1/users/profile";
const NEW: &str = "battery staple";

async fn change(app: &App, token: &str, from: &str, to: &str) -> Answer {
    let body = json!({ "current_password": from, "new_password": to });
    app.post(PATH).bearer(token).json(&body).send().await
}

async fn log_in(app: &App) -> String {
    let answer = app.log_in("ada", PASSWORD).await.expect(200);
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.expect("a token")
}

#[rstest]
#[tokio::test]
async fn a_password_change_ends_the_other_sessions(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let (other, own) = (app.register_and_log_in("ada").await, log_in(&app).await);
    let eve = app.register_and_log_in("eve").await;
    let answer = change(&app, &own, PASSWORD, NEW).await.expect(200);
    assert_eq!(answer.json()["data"]["ended_sessions"], 1);
    assert!(answer.json()["warnings"].is_null(), "{answer:?}");
    app.get(PROFILE).bearer(&own).send().await.expect(200);
    app.get(PROFILE).bearer(&eve).send().await.expect(200);
    app.get(PROFILE)
        .bearer(&other)
        .send()
        .await
        .expect_problem(401, "session-ended");
    app.log_in("ada", PASSWORD)
        .await
        .expect_problem(401, "invalid-credentials");
    app.log_in("ada", NEW).await.expect(200);
}

#[rstest]
#[tokio::test]
async fn a_wrong_current_password_changes_nothing(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let (other, own) = (app.register_and_log_in("ada").await, log_in(&app).await);
    change(&app, &own, "wrong password", NEW)
        .await
        .expect_problem(403, "wrong-password");
    app.get(PROFILE).bearer(&other).send().await.expect(200);
    app.log_in("ada", PASSWORD).await.expect(200);
    let body = json!({ "current_password": PASSWORD, "new_password": NEW });
    app.post(PATH)
        .json(&body)
        .send()
        .await
        .expect_problem(401, "unauthenticated");
}

#[rstest]
#[tokio::test]
async fn a_new_password_has_8_to_100_characters(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    for wrong in ["x".repeat(7), "x".repeat(101), "abc\0defghi".into()] {
        let answer = change(&app, &token, PASSWORD, &wrong).await.expect(422);
        assert_eq!(answer.pointers(), ["/new_password"]);
    }
    let answer = app.post(PATH).bearer(&token).json(&json!({})).send().await;
    let pointers = answer.expect(422).pointers();
    assert_eq!(pointers, ["/current_password", "/new_password"]);
    change(&app, &token, PASSWORD, &"x".repeat(100))
        .await
        .expect(200);
}

#[rstest]
#[tokio::test]
async fn production_requires_a_sealed_password_change(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPIN_VARIABLE_PRODUCTION", "true")
        .start()
        .await;
    let body = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    let register = app.seal("user", "/api/v1/users/register", &body);
    app.post("/api/v1/users/register")
        .text(&register)
        .send()
        .await
        .expect(201);
    let token = log_in(&app).await;
    change(&app, &token, PASSWORD, NEW)
        .await
        .expect_problem(400, "encryption-required");
    let body = json!({ "current_password": PASSWORD, "new_password": NEW });
    let answer = app
        .post(PATH)
        .bearer(&token)
        .text(&app.seal("user", PATH, &body))
        .send()
        .await
        .expect(200);
    assert_eq!(app.open(&answer.text)["message"], "Password changed");
    app.log_in("ada", NEW).await.expect(200);
}

#[rstest]
#[tokio::test]
async fn more_sessions_end_than_one_call_can_take(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let insert = "insert into \"user\".sessions (id, user_id, expires_at) \
                  select gen_random_uuid(), id, now() + interval '1 hour' \
                  from \"user\".users, generate_series(1, 1100)";
    let mut sql = app.admin_connection().await;
    sql.execute(insert).await.expect("insert");
    let answer = change(&app, &token, PASSWORD, NEW).await.expect(200);
    assert_eq!(answer.json()["data"]["ended_sessions"], 1100);
    let ended: i64 = sqlx::query_scalar(
        "select count(*) from tokens.ended_sessions as e \
         join \"user\".sessions as s on s.id::text = e.id where s.ended_at is not null",
    )
    .fetch_one(&mut sql)
    .await
    .expect("count");
    assert_eq!(ended, 1100);
    app.get(PROFILE).bearer(&token).send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn one_of_two_concurrent_changes_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let token = app.register_and_log_in("ada").await;
    let mut sql = app.admin_connection().await;
    sql.execute("begin").await.expect("begin");
    let other = "update \"user\".users set password_hash = password_hash || 'x'";
    sql.execute(other).await.expect("update");
    let (answer, ()) = tokio::join!(change(&app, &token, PASSWORD, NEW), async {
        cluster::wait_for_blocked_statement(&mut app.admin_connection().await).await;
        sql.execute("commit").await.expect("commit");
    });
    answer.expect_problem(409, "password-changed-meanwhile");
    let messages: i64 = sqlx::query_scalar(
        "select count(*) from \"user\".outbox where body like '%password_changed%'",
    )
    .fetch_one(&mut sql)
    .await
    .expect("count");
    assert_eq!(messages, 0);
    let hash: String = sqlx::query_scalar("select password_hash from \"user\".users")
        .fetch_one(&mut sql)
        .await
        .expect("the hash");
    assert!(hash.ends_with('x'), "the other change is kept");
}
