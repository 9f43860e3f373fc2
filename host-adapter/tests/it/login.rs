//! `POST /api/v1/users/login`.

use jwt_compact::{AlgorithmExt as _, Token, UntrustedToken, alg::Ed25519, jwk::JsonWebKey};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{App, HostMode, app::PASSWORD, client::Request};

#[rstest]
#[tokio::test]
async fn the_right_password_gives_a_token_and_an_event(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let answer = app.log_in("ada", PASSWORD).await.expect(200);
    let body = answer.json();
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(answer.header("cache-control"), "no-store");
    let statistics = app.wait_for_statistics(2).await;
    assert_eq!(statistics["by_type"], json!({ "user_action": 2 }));
}

#[rstest]
#[tokio::test]
async fn wrong_passwords_and_unknown_users_get_one_answer(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let answers = [
        app.log_in("ada", "wrong password")
            .await
            .expect_problem(401, "invalid-credentials"),
        app.log_in("nobody", "wrong password")
            .await
            .expect_problem(401, "invalid-credentials"),
    ];
    let [known, unknown] = answers.map(|answer| {
        let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        (answer.json(), names)
    });
    assert_eq!(known, unknown);
    app.wait_for_log("the rejected login", |line| {
        line["level"] == "WARNING" && line["message"] == "rejected a login: wrong name or password"
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn inactive_accounts_are_revealed_only_to_their_owner(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    sqlx::query("update \"user\".users set is_active = false")
        .execute(&mut app.admin_connection().await)
        .await
        .expect("update");
    app.log_in("ada", PASSWORD)
        .await
        .expect_problem(403, "account-inactive");
    app.log_in("ada", "wrong password")
        .await
        .expect_problem(401, "invalid-credentials");
}

/// A hash of `PASSWORD` with weaker parameters: m=8192, t=1.
fn hash_with_older_parameters() -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
    let hasher = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(8192, 1, 1, None).expect("params"),
    );
    hasher
        .hash_password(PASSWORD.as_bytes())
        .expect("hash")
        .to_string()
}

#[rstest]
#[tokio::test]
async fn a_hash_with_older_parameters_is_renewed(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let old = hash_with_older_parameters();
    let mut sql = app.admin_connection().await;
    sqlx::query("update \"user\".users set password_hash = $1")
        .bind(&old)
        .execute(&mut sql)
        .await
        .expect("update");
    app.log_in("ada", PASSWORD).await.expect(200);
    let stored: String = sqlx::query_scalar("select password_hash from \"user\".users")
        .fetch_one(&mut sql)
        .await
        .expect("hash");
    assert!(stored.contains("m=19456,t=2,p=1"), "{stored}");
    app.log_in("ada", PASSWORD).await.expect(200);
}

#[rstest]
#[tokio::test]
async fn unknown_names_cost_what_accounts_cost(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    // Without accounts, with one set of parameters, and with two.
    assert_eq!(checks(&app, "nobody").await, 1);
    app.register("ada").await.expect(201);
    for name in ["ada", "nobody", "aaa", "zzz"] {
        assert_eq!(checks(&app, name).await, 1, "{name}");
    }
    let mut sql = app.admin_connection().await;
    let older = "update \"user\".users set password_hash = $1";
    let older = sqlx::query(older).bind(hash_with_older_parameters());
    older.execute(&mut sql).await.expect("update");
    app.register("eve").await.expect(201);
    for name in ["ada", "eve", "nobody", "aaa", "zzz"] {
        assert_eq!(checks(&app, name).await, 2, "{name}");
    }
    // The password of another account does not help.
    app.log_in("nobody", PASSWORD)
        .await
        .expect_problem(401, "invalid-credentials");
}

/// How many passwords are compared for a login that fails.
async fn checks(app: &App, name: &str) -> i64 {
    let count = async || {
        let metrics = format!("{}/metrics", app.management());
        let metrics = Request::new(reqwest::Method::GET, &metrics).send().await;
        let metrics = metrics.expect(200).text;
        let counts = metrics.lines().filter(|line| {
            line.starts_with("spindle_adapter_call_duration_seconds_count")
                && line.contains("function=\"passwords/verify\"")
        });
        let counts = counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<i64>().ok());
        counts.sum::<i64>()
    };
    let before = count().await;
    app.log_in(name, "wrong password").await.expect(401);
    count().await - before
}

#[rstest]
#[tokio::test]
async fn missing_fields_are_reported(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answer = app
        .post("/api/v1/users/login")
        .json(&json!({}))
        .send()
        .await
        .expect_problem(422, "invalid-fields");
    assert_eq!(answer.pointers(), ["/password", "/username"]);
}

#[rstest]
#[tokio::test]
async fn the_public_keys_verify_the_token(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let keys = app
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200)
        .json();
    let header = token.split('.').next().expect("header");
    let header: Value = serde_json::from_slice(
        &base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, header).expect("base64"),
    )
    .expect("JSON");
    assert_eq!(header["alg"], "EdDSA");
    let key = keys["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .expect("the key");
    let key = json!({"kty": key["kty"], "crv": key["crv"], "x": key["x"]}).to_string();
    let key: JsonWebKey<'_> = serde_json::from_str(&key).expect("a key");
    let key = (&key).try_into().expect("an Ed25519 key");
    let token = UntrustedToken::new(&token).expect("a token");
    let token: Token<Value> = Ed25519.validator(&key).validate(&token).expect("valid");
    let claims = serde_json::to_value(token.claims()).expect("JSON");
    // The components that may verify tokens.
    assert_eq!(claims["aud"], json!(["analytics", "user"]));
    for name in ["iss", "aud", "sub", "iat", "exp", "jti"] {
        assert!(!claims[name].is_null(), "{name}: {claims}");
    }
}
