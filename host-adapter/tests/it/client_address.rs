//! The address of a client, as sessions show it.

use rstest::rstest;
use serde_json::json;

use crate::support::{App, Builder, HostMode, app::PASSWORD};

/// Logs in with these headers, and returns the address of the session.
async fn address(app: &App, headers: &[(&str, &str)]) -> String {
    let mut request = app.post("/api/v1/users/login");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let body = json!({ "username": "ada", "password": PASSWORD });
    let token = request.json(&body).send().await.expect(200).json();
    let token = token["access_token"].as_str().expect("a token").to_owned();
    let sessions = app.get("/api/v1/users/sessions").bearer(&token).send();
    let sessions = sessions.await.expect(200).json();
    let sessions = sessions["data"]["items"].as_array().expect("a list");
    let current = sessions.iter().find(|session| session["current"] == true);
    let address = current.and_then(|session| session["address"].as_str());
    address.expect("an address").to_owned()
}

#[rstest]
#[tokio::test]
async fn a_client_cannot_choose_its_address(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.register("ada").await.expect(201);
    let forged = [
        ("spin-client-addr", "192.0.2.1:1"),
        ("spin-client-addr", "192.0.2.2:1"),
        ("x-forwarded-for", "192.0.2.3"),
        ("forwarded", "for=192.0.2.3"),
    ];
    assert_eq!(address(&app, &forged).await, "127.0.0.1");
}

#[rstest]
#[tokio::test]
async fn a_trusted_proxy_names_the_client(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPINDLE_HOST_TRUSTED_PROXIES", "127.0.0.0/8,::1")
        .start()
        .await;
    app.register("ada").await.expect(201);
    for (header, value, expected) in [
        ("x-forwarded-for", "198.51.100.1, 192.0.2.1", "192.0.2.1"),
        (
            "forwarded",
            "for=198.51.100.1, for=\"[2001:db8::1]:4711\"",
            "2001:db8::1",
        ),
        ("x-forwarded-for", "192.0.2.1, somewhere", "127.0.0.1"),
        ("spin-client-addr", "192.0.2.1:1", "127.0.0.1"),
    ] {
        assert_eq!(address(&app, &[(header, value)]).await, expected);
    }
}
