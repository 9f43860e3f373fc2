//! Sessions: created by a login, and not usable after their end.

use reqwest::Method;
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::support::{
    Answer, App, Builder, HostMode, app::PASSWORD, client::Request, cluster, until,
};

const SESSIONS: &str = "/api/v1/users/sessions";
const LOGOUT: &str = "/api/v1/users/logout";
const PROFILE: &str = "/api/v1/users/profile";

async fn log_in(app: &App, agent: &str) -> String {
    let answer = app
        .post("/api/v1/users/login")
        .header("user-agent", agent)
        .json(&json!({ "username": "ada", "password": PASSWORD }))
        .send()
        .await
        .expect(200);
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.expect("a token")
}

async fn list_sessions(app: &App, token: &str) -> Vec<Value> {
    let answer = app.get(SESSIONS).bearer(token).send().await.expect(200);
    let items = answer.json()["data"]["items"].as_array().cloned();
    items.expect("a list")
}

/// Returns the id of the session that the token belongs to.
async fn current_session_id(app: &App, token: &str) -> String {
    let sessions = list_sessions(app, token).await;
    let current = sessions.iter().find(|session| session["current"] == true);
    let id = current.and_then(|session| session["id"].as_str());
    id.expect("a current session").to_owned()
}

fn end_session(app: &App, id: &str, token: &str) -> Request {
    let path = format!("{SESSIONS}/{id}");
    app.request(Method::DELETE, &path).bearer(token)
}

/// Posts an invalid event: 422 means that the token was accepted, because it is checked first.
async fn post_invalid_event(app: &App, token: &str) -> Answer {
    let request = app.post("/api/v1/analytics/events").bearer(token);
    request.json(&json!({})).send().await
}

/// Starts another adapter with the keys and the database of `app`.
async fn start_another_adapter(mode: HostMode, app: &App) -> App {
    let keys = app.directory.path().join("keys");
    Builder::new(mode)
        .env("SPINDLE_KEYS_DIRECTORY", keys.to_str().expect("text"))
        .database(app.database.clone())
        .start()
        .await
}

#[rstest]
#[tokio::test]
async fn sessions_are_listed_newest_first(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let eve = app.register_and_log_in("eve").await;
    let old = log_in(&app, "old browser").await;
    // The host overwrites the address that a client claims.
    let new = app
        .post("/api/v1/users/login")
        .header("spin-client-addr", "192.0.2.1:1")
        .header("user-agent", &"x".repeat(300))
        .json(&json!({ "username": "ada", "password": PASSWORD }))
        .send()
        .await
        .expect(200);
    let new = new.json()["access_token"].as_str().map(str::to_owned);
    let listed = list_sessions(&app, &new.expect("a token")).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(listed[0]["user_agent"], "x".repeat(256));
    assert_eq!(listed[0]["current"], true);
    assert_eq!(listed[1]["user_agent"], "old browser");
    assert_eq!(listed[1]["current"], false);
    for session in &listed {
        assert_eq!(session["address"], "127.0.0.1");
        assert!(session["expires_at"].as_str() > session["created_at"].as_str());
    }
    assert_eq!(current_session_id(&app, &old).await, listed[1]["id"]);
    assert_eq!(list_sessions(&app, &eve).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn logout_revokes_only_the_tokens_of_its_session(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let (phone, laptop) = (log_in(&app, "phone").await, log_in(&app, "laptop").await);
    app.get(PROFILE).bearer(&phone).send().await.expect(200);
    let ended = app.post(LOGOUT).bearer(&phone).send().await.expect(200);
    assert_eq!(ended.json()["message"], "Logged out");
    for request in [app.get(PROFILE), app.get(SESSIONS), app.post(LOGOUT)] {
        let answer = request.bearer(&phone).send().await;
        let answer = answer.expect_problem(401, "session-ended");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{answer:?}");
    }
    post_invalid_event(&app, &phone)
        .await
        .expect_problem(401, "session-ended");
    app.get(PROFILE).bearer(&laptop).send().await.expect(200);
    post_invalid_event(&app, &laptop).await.expect(422);
    let left = list_sessions(&app, &laptop).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["user_agent"], "laptop");
}

#[rstest]
#[tokio::test]
async fn only_its_user_can_end_a_session(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let eve = app.register_and_log_in("eve").await;
    let (phone, laptop) = (log_in(&app, "phone").await, log_in(&app, "laptop").await);
    let id = current_session_id(&app, &phone).await;
    end_session(&app, &id, &eve)
        .send()
        .await
        .expect_problem(404, "not-found");
    app.get(PROFILE).bearer(&phone).send().await.expect(200);
    let ended = end_session(&app, &id, &laptop).send().await.expect(200);
    assert_eq!(ended.json()["data"]["session_id"], id);
    app.get(PROFILE)
        .bearer(&phone)
        .send()
        .await
        .expect_problem(401, "session-ended");
    let unknown = uuid::Uuid::now_v7().to_string();
    for id in [&id, &unknown, "1", "a%ffb", "%00"] {
        end_session(&app, id, &laptop)
            .send()
            .await
            .expect_problem(404, "not-found");
    }
    app.get(PROFILE).bearer(&laptop).send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn closing_an_account_ends_its_sessions(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let eve = app.register_and_log_in("eve").await;
    app.register("ada").await.expect(201);
    let (phone, laptop) = (log_in(&app, "phone").await, log_in(&app, "laptop").await);
    let close = "update \"user\".users set is_active = false where username = 'ada'";
    let mut sql = app.admin_connection().await;
    sql.execute(close).await.expect("update");
    for token in [&phone, &laptop] {
        until("the session to end", async || {
            let answer = app.get(PROFILE).bearer(token).send().await;
            (answer.status == 401).then(|| answer.expect_problem(401, "session-ended"))
        })
        .await;
    }
    app.get(PROFILE).bearer(&eve).send().await.expect(200);
    let message = json!({ "user_id": uuid::Uuid::now_v7() });
    let forged = app.post("/api/v1/users/closed").bearer(&eve);
    forged
        .json(&message)
        .send()
        .await
        .expect_problem(403, "forbidden");
    app.wait_for_log("the rejection", |line| {
        line["level"] == "WARNING" && line["problem"] == "forbidden"
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_session_ends_at_every_adapter(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let first = App::start(mode).await;
    first.register("ada").await.expect(201);
    let second = start_another_adapter(mode, &first).await;
    let (phone, laptop) = (
        log_in(&first, "phone").await,
        log_in(&first, "laptop").await,
    );
    for token in [&phone, &laptop] {
        second.get(PROFILE).bearer(token).send().await.expect(200);
    }
    first.post(LOGOUT).bearer(&phone).send().await.expect(200);
    until("the other adapter to learn of the revocation", async || {
        let answer = second.get(PROFILE).bearer(&phone).send().await;
        (answer.status == 401).then(|| answer.expect_problem(401, "session-ended"))
    })
    .await;
    second.get(PROFILE).bearer(&laptop).send().await.expect(200);
    let third = start_another_adapter(mode, &first).await;
    third
        .get(PROFILE)
        .bearer(&phone)
        .send()
        .await
        .expect_problem(401, "session-ended");
    third.get(PROFILE).bearer(&laptop).send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn lost_and_false_notifications_do_no_harm(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        // The adapter asks every two seconds, and refuses tokens if no answer has come for eight.
        .env("SPINDLE_TOKENS_ENDED_SESSIONS_MAX_AGE", "8s")
        .start()
        .await;
    app.register("ada").await.expect(201);
    let (phone, laptop) = (log_in(&app, "phone").await, log_in(&app, "laptop").await);
    let (unannounced, announced) = (
        current_session_id(&app, &phone).await,
        current_session_id(&app, &laptop).await,
    );
    let mut sql = app.admin_connection().await;
    for hint in [&announced, "", &"x".repeat(4_000)] {
        sqlx::query("select pg_notify('spindle_ended_sessions', $1)")
            .bind(hint)
            .execute(&mut sql)
            .await
            .expect("notify");
    }
    sqlx::query("insert into tokens.ended_sessions (id) values ($1)")
        .bind(&unannounced)
        .execute(&mut sql)
        .await
        .expect("insert");
    until("the revocation to be found", async || {
        (app.get(PROFILE).bearer(&phone).send().await.status == 401).then_some(())
    })
    .await;
    app.get(PROFILE).bearer(&laptop).send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn tokens_are_unavailable_without_recent_revocations(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = std::env::temp_dir().join(format!("spindle-news-{}", uuid::Uuid::now_v7()));
    let postgres = crate::outages::start_private_postgres(&directory).await;
    let url = create_database(&postgres.url("postgres"), &postgres.url("news")).await;
    let app = Builder::new(mode)
        .database(url)
        // A busy machine must not take as long between two answers of PostgreSQL.
        .env("SPINDLE_TOKENS_ENDED_SESSIONS_MAX_AGE", "8s")
        .start()
        .await;
    app.register("ada").await.expect(201);
    let (phone, laptop) = (log_in(&app, "phone").await, log_in(&app, "laptop").await);
    app.post(LOGOUT).bearer(&phone).send().await.expect(200);
    post_invalid_event(&app, &laptop).await.expect(422);
    postgres.stop().await.expect("stop");
    until("the session status to be stale", async || {
        let answer = post_invalid_event(&app, &laptop).await;
        (answer.status == 503).then(|| answer.expect_problem(503, "unavailable"))
    })
    .await;
    // A revocation is final, so it does not need a fresh status.
    post_invalid_event(&app, &phone)
        .await
        .expect_problem(401, "session-ended");
    app.post(LOGOUT)
        .bearer(&laptop)
        .send()
        .await
        .expect_problem(503, "unavailable");
    let postgres = crate::outages::start_private_postgres(&directory).await;
    until("a fresh session status", async || {
        (post_invalid_event(&app, &laptop).await.status == 422).then_some(())
    })
    .await;
    post_invalid_event(&app, &phone)
        .await
        .expect_problem(401, "session-ended");
    drop(app);
    postgres.stop().await.expect("stop");
    std::fs::remove_dir_all(&directory).expect("remove the cluster");
}

async fn create_database(server: &SecretString, url: &SecretString) -> SecretString {
    let mut admin = crate::support::cluster::connect(server).await;
    admin.execute("create database news").await.expect("create");
    url.clone()
}

#[rstest]
#[tokio::test]
async fn the_last_use_of_a_session_is_recorded(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let mut sql = app.admin_connection().await;
    sql.execute("update \"user\".sessions set last_used_at = now() - interval '1 hour'")
        .await
        .expect("update");
    app.get(PROFILE).bearer(&token).send().await.expect(200);
    until("the use to be recorded", async || {
        let recent = "select count(*) from \"user\".sessions \
                      where last_used_at > now() - interval '1 minute'";
        let count: i64 = sqlx::query_scalar(recent)
            .fetch_one(&mut app.admin_connection().await)
            .await
            .expect("count");
        (count == 1).then_some(())
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn expired_sessions_are_removed_by_later_logins(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let mut sql = app.admin_connection().await;
    let insert = "insert into \"user\".sessions (id, user_id, expires_at) \
                  select gen_random_uuid(), id, now() - interval '1 second' \
                  from \"user\".users, generate_series(1, 15)";
    sql.execute(insert).await.expect("insert");
    let mut left = vec![];
    for _ in 0..2 {
        let token = log_in(&app, "x").await;
        assert!(!list_sessions(&app, &token).await.is_empty());
        let count = sqlx::query_scalar("select count(*) from \"user\".sessions");
        left.push(count.fetch_one(&mut sql).await.expect("count"));
    }
    let left: Vec<i64> = left;
    assert_eq!(left, [6, 2], "ten are removed by one login");
}

#[rstest]
#[tokio::test]
async fn no_session_begins_if_the_password_changed_meanwhile(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    app.register("ada").await.expect(201);
    let mut sql = app.admin_connection().await;
    sql.execute("begin").await.expect("begin");
    sql.execute("update \"user\".users set password_hash = password_hash || 'x'")
        .await
        .expect("update");
    let (answer, ()) = tokio::join!(app.log_in("ada", PASSWORD), async {
        cluster::wait_for_blocked_statement(&mut app.admin_connection().await).await;
        sql.execute("commit").await.expect("commit");
    });
    answer.expect_problem(401, "invalid-credentials");
    let sessions: i64 = sqlx::query_scalar("select count(*) from \"user\".sessions")
        .fetch_one(&mut sql)
        .await
        .expect("count");
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn revocations_outlive_every_token() {
    let app = App::start(HostMode::Embedded).await;
    let mut sql = app.admin_connection().await;
    let insert = "insert into tokens.ended_sessions (id, ended_at) \
                  values ('old', now() - interval '26 hours'), ('new', now() - interval '24 hours')";
    sql.execute(insert).await.expect("insert");
    // An adapter deletes old revocations when it starts, and every minute.
    let _another = start_another_adapter(HostMode::Embedded, &app).await;
    until("the old revocation to be deleted", async || {
        let ids: Vec<String> = sqlx::query_scalar("select id from tokens.ended_sessions")
            .fetch_all(&mut app.admin_connection().await)
            .await
            .expect("ids");
        (ids == ["new"]).then_some(())
    })
    .await;
}
