//! `GET /api/v1/users/profile`, and the validation of tokens.

use rstest::rstest;
use std::path::Path;

use adapter_capabilities::vault::{KeyRing, Policy, TokenSettings, Tokens};
use serde_json::json;

use crate::support::{App, Builder, HostMode, app::PASSWORD};

const PATH: &str = "/api/v1/users/profile";

#[rstest]
#[tokio::test]
async fn a_profile_has_only_public_fields_of_its_user(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("eve").await.expect(201);
    let token = app.register_and_log_in("ada").await;
    let answer = app
        .get(&format!("{PATH}?username=eve"))
        .bearer(&token)
        .send()
        .await
        .expect(200);
    let data = &answer.json()["data"];
    assert_eq!(data["username"], "ada");
    assert_eq!(data["email"], "ada@example.com");
    assert_eq!(data["is_active"], true);
    assert!(
        data["created_at"].as_str().expect("a time").ends_with('Z'),
        "{data}"
    );
    let names: Vec<&String> = data.as_object().expect("an object").keys().collect();
    assert!(
        !names.iter().any(|name| name.contains("password")),
        "{names:?}"
    );
}

#[rstest]
#[tokio::test]
async fn both_token_headers_are_accepted(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.get(PATH)
        .header("x-access-token", &token)
        .send()
        .await
        .expect(200);
    app.get(PATH)
        .header("authorization", &format!("bearer {token}"))
        .send()
        .await
        .expect(200);
}

#[rstest]
#[tokio::test]
async fn a_missing_token_gets_a_challenge(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for request in [
        app.get(PATH),
        app.get(PATH).header("authorization", "Basic YTpi"),
    ] {
        let answer = request.send().await.expect_problem(401, "unauthenticated");
        assert!(
            answer.header("www-authenticate").starts_with("Bearer"),
            "{answer:?}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn foreign_tokens_are_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let keys = app.directory.path().join("keys");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let default = token_settings;
    let (start, end) = token.split_at(token.len() - 10);
    let altered = format!("{start}{}", if end.starts_with('A') { "B" } else { "A" }) + &end[1..];
    let invalid = [
        ("malformed", "a.b.c".to_owned()),
        ("altered", altered),
        ("forged", issue_token(elsewhere.path(), default())),
        (
            "for another audience",
            issue_token(
                &keys,
                TokenSettings {
                    audiences: vec!["analytics".into()],
                    ..default()
                },
            ),
        ),
        (
            "by another issuer",
            issue_token(
                &keys,
                TokenSettings {
                    issuer: "other".into(),
                    ..default()
                },
            ),
        ),
        ("without signature", remove_signature(&token)),
    ];
    for (what, token) in invalid {
        let answer = app.get(PATH).bearer(&token).send().await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert!(
            answer
                .header("www-authenticate")
                .contains("error=\"invalid_token\""),
            "{what}: {answer:?}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn an_expired_token_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let settings = TokenSettings {
        lifetime: std::time::Duration::from_secs(1),
        ..token_settings()
    };
    let token = issue_token(&app.directory.path().join("keys"), settings);
    crate::support::until("the token to expire", async || {
        let answer = app.get(PATH).bearer(&token).send().await;
        (answer.status == 401).then_some(())
    })
    .await;
}

/// Settings of tokens for `user`.
fn token_settings() -> TokenSettings {
    TokenSettings {
        audiences: vec!["user".into()],
        ..TokenSettings::default()
    }
}

/// Issues a token with the keys in `directory`, and creates the keys if they are missing.
fn issue_token(directory: &Path, settings: TokenSettings) -> String {
    let keys = KeyRing::load(directory, &["user", "client"], &Policy::default()).expect("keys");
    Tokens::new(settings, &keys)
        .expect("tokens")
        .issue("unknown", None)
        .expect("a token")
        .token
}

/// Returns an unsigned token (`alg: none`) with the same claims.
fn remove_signature(token: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let claims = token.split('.').nth(1).expect("claims");
    let header =
        BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt" }).to_string());
    format!("{header}.{claims}.")
}

#[rstest]
#[tokio::test]
async fn a_deleted_user_has_no_profile(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    sqlx::query("delete from \"user\".users")
        .execute(&mut app.admin_connection().await)
        .await
        .expect("delete");
    let answer = app.get(PATH).bearer(&token).send().await;
    assert!(matches!(answer.status.as_u16(), 401 | 404), "{answer:?}");
}

/// A token of a service must not be usable at another one.
#[rstest]
#[tokio::test]
async fn a_token_is_refused_where_it_does_not_name(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPINDLE_TOKENS_AUDIENCES", "user")
        .start()
        .await;
    let token = app.register_and_log_in("ada").await;
    app.get(PATH).bearer(&token).send().await.expect(200);
    let events = app.get("/api/v1/analytics/events").bearer(&token);
    events.send().await.expect_problem(401, "unauthenticated");
    app.wait_for_log("the setting that names services", |line| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("`analytics`") && text.contains("`tokens.audiences`")
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_login_for_one_service_gives_a_token_for_it(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let log_in = async |audience: &str| {
        let body = json!({ "username": "ada", "password": PASSWORD, "audience": audience });
        app.post("/api/v1/users/login").json(&body).send().await
    };
    let answer = log_in("analytics").await.expect(200).json();
    let token = answer["access_token"].as_str().expect("a token");
    let events = app.get("/api/v1/analytics/events").bearer(token);
    events.send().await.expect(200);
    let profile = app.get(PATH).bearer(token).send().await;
    profile.expect_problem(401, "unauthenticated");
    // The gateway may not verify tokens.
    for audience in ["gateway", "*"] {
        let unknown = log_in(audience).await;
        let problem = unknown.expect_problem(422, "invalid-fields");
        assert_eq!(problem.pointers(), ["/audience"], "{audience}");
    }
}
