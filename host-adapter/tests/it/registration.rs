//! `POST /api/v1/users/register`.

use rstest::rstest;
use serde_json::json;
use sqlx::Connection as _;

use crate::support::{App, Builder, HostMode, app::PASSWORD, until};

const PATH: &str = "/api/v1/users/register";

#[rstest]
#[tokio::test]
async fn a_registration_is_counted_as_one_event(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answer = app.register("ada").await.expect(201);
    let body = answer.json();
    assert_eq!(body["success"], true);
    assert_eq!(body["message"], "User created successfully");
    assert_eq!(body["data"]["username"], "ada");
    let id = body["data"]["user_id"].as_str().expect("an id");
    assert_eq!(
        uuid::Uuid::parse_str(id).expect("a UUID").get_version_num(),
        7
    );
    assert_eq!(app.wait_for_statistics(1).await["distinct_users"], 1);
}

#[rstest]
#[tokio::test]
async fn taken_names_conflict_in_any_case(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let register = |username: &str, email: &str| {
        let body = json!({ "username": username, "email": email, "password": "long enough" });
        app.post(PATH).json(&body).send()
    };
    register("ADA", "other@example.com")
        .await
        .expect_problem(409, "username-taken");
    register("eve", "Ada@Example.com")
        .await
        .expect_problem(409, "email-taken");
    register("eve", "eve@example.com").await.expect(201);
    // Two registrations were rejected, so only two users and two events exist.
    let statistics = until("statistics with the users", async || {
        // They are missing if the user service takes longer than a second.
        let statistics = app.wait_for_statistics(2).await;
        (!statistics["user_stats"].is_null()).then_some(statistics)
    })
    .await;
    assert_eq!(statistics["user_stats"]["total_users"], 2);
}

#[rstest]
#[tokio::test]
async fn production_does_not_tell_which_address_is_taken(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPIN_VARIABLE_PRODUCTION", "true")
        .start()
        .await;
    let register = async |username: &str| {
        let body =
            json!({ "username": username, "email": "ada@example.com", "password": PASSWORD });
        let sealed = app.seal("user", PATH, &body);
        app.post(PATH).text(&sealed).send().await
    };
    register("ada").await.expect(201);
    register("eve").await.expect(201);
    let taken = register("ADA").await.expect_sealed_problem(&app, 409);
    assert_eq!(app.open(&taken.text)["type"], "/problems/username-taken");
}

#[rstest]
#[tokio::test]
async fn every_invalid_field_is_reported_at_once(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answer = app
        .post(PATH)
        .json(&json!({ "username": "x", "email": "nobody" }))
        .send()
        .await;
    let answer = answer.expect_problem(422, "invalid-fields");
    assert_eq!(answer.pointers(), ["/email", "/password", "/username"]);

    let body = json!({ "username": 7, "email": ["a@b.c"], "password": "x".repeat(101) });
    let answer = app
        .post(PATH)
        .json(&body)
        .send()
        .await
        .expect_problem(422, "invalid-fields");
    assert_eq!(answer.pointers(), ["/email", "/password", "/username"]);
    for error in answer.json()["errors"].as_array().expect("errors") {
        assert!(
            error["message"].is_string() && error["code"].is_string(),
            "{error}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn lengths_are_accepted_up_to_their_limits(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let register = |username: String, password: String| {
        let body = json!({ "username": username, "email": format!("{username}@example.com"), "password": password });
        app.post(PATH).json(&body).send()
    };
    register("abc".into(), "8letters".into()).await.expect(201);
    register("a".repeat(50), "x".repeat(100)).await.expect(201);
    assert_eq!(
        register("ab".into(), "8letters".into())
            .await
            .expect(422)
            .pointers(),
        ["/username"]
    );
    assert_eq!(
        register("a".repeat(51), "8letters".into())
            .await
            .expect(422)
            .pointers(),
        ["/username"]
    );
    assert_eq!(
        register("abcd".into(), "7letter".into())
            .await
            .expect(422)
            .pointers(),
        ["/password"]
    );
    let with_nul = register("abcd".into(), "abc\0defghi".into()).await;
    assert_eq!(with_nul.expect(422).pointers(), ["/password"]);
}

#[rstest]
#[tokio::test]
async fn guessable_passwords_are_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada.lovelace").await;
    for (password, code) in [
        ("PassWord123", "common"),
        ("Ada.Lovelace", "personal"),
        ("ada.lovelace2026!", "personal"),
        ("ADA.LOVELACE@example.com", "personal"),
    ] {
        let email = "Ada.Lovelace@example.com";
        let body = json!({ "username": "Ada.Lovelace", "email": email, "password": password });
        let registration = app.post(PATH).json(&body).send().await;
        let body = json!({ "current_password": PASSWORD, "new_password": password });
        let change = app.post("/api/v1/users/password").bearer(&token);
        let change = change.json(&body).send().await;
        for (answer, pointer) in [(registration, "/password"), (change, "/new_password")] {
            let answer = answer.expect_problem(422, "invalid-fields");
            assert_eq!(answer.pointers(), [pointer]);
            assert_eq!(answer.json()["errors"][0]["code"], code, "{answer:?}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn passwords_are_stored_as_argon2id_and_never_shown(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answer = app.register("ada").await.expect(201);
    assert!(!answer.text.contains("argon2"), "{answer:?}");
    let stored: String = sqlx::query_scalar("select password_hash from \"user\".users")
        .fetch_one(&mut app.admin_connection().await)
        .await
        .expect("the user");
    assert!(
        stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{stored}"
    );
    let log = format!("{:?}", app.log());
    assert!(
        !log.contains(PASSWORD) && !log.contains("ada@example.com"),
        "{log}"
    );
}

#[rstest]
#[tokio::test]
async fn a_key_lets_a_registration_be_repeated(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let body = |name: &str| json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    let send = |key: &str, body: &serde_json::Value| {
        let request = app.post(PATH).header("idempotency-key", key);
        request.json(body).send()
    };
    let first = send("\"key-1\"", &body("ada")).await.expect(201);
    let again = send("key-1", &body("ada")).await.expect(201);
    assert_eq!(again.text, first.text);
    let mut other = body("ada");
    other["password"] = "another password".into();
    for other in [other, body("eve")] {
        let answer = send("key-1", &other).await;
        answer.expect_problem(422, "idempotency-key-reused");
    }
    send("not valid", &body("eve"))
        .await
        .expect_problem(400, "idempotency-key-invalid");

    // The lock that a registration holds while it is written.
    let mut sql = app.admin_connection().await;
    let mut running = sql.begin().await.expect("a transaction");
    sqlx::query("select from \"user\".registration_slots where number = hashtext('key-2') & 1023 for update")
        .execute(&mut *running)
        .await
        .expect("the lock");
    send("key-2", &body("eve"))
        .await
        .expect_problem(409, "request-in-progress");
    running.rollback().await.expect("the end");
    send("key-2", &body("eve")).await.expect(201);

    sqlx::query("update \"user\".registration_keys set expires_at = now()")
        .execute(&mut sql)
        .await
        .expect("update");
    send("key-1", &body("ada"))
        .await
        .expect_problem(409, "username-taken");
    send("key-1", &body("bob")).await.expect(201);
    assert_eq!(app.wait_for_statistics(3).await["distinct_users"], 3);
}
