//! The operators' page.

use std::{process::Command, time::Duration};

use reqwest::Method;
use sqlx::Executor as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Answer, App, Builder, HostMode, cluster, until};

async fn open(app: &App, path: &str) -> Answer {
    app.request_to("management", Method::GET, path).send().await
}

/// Waits for a trace whose link has this text, and returns its path.
async fn wait_for_trace(app: &App, text: &str) -> String {
    until(text, async || {
        let page = open(app, "/").await.expect(200).text;
        let end = page.find(&format!("\">{text}</a>"))?;
        let start = page[..end].rfind("/traces/")?;
        Some(page[start..end].to_owned())
    })
    .await
}

#[tokio::test]
async fn a_trace_shows_its_statements_and_log_lines() {
    let app = App::start(HostMode::Embedded).await;
    app.register("ada").await.expect(201);
    let path = wait_for_trace(&app, "POST /api/v1/users/register").await;
    let page = open(&app, &path).await.expect(200).text;
    assert!(page.contains("insert into users"), "{page}");
    assert!(page.contains("adapter.passwords.hash"), "{page}");
    assert!(!page.contains("ada@example.com"), "{page}");
    app.get("/api/v1/users/profile")
        .bearer("forged")
        .send()
        .await
        .expect(401);
    let path = wait_for_trace(&app, "GET /api/v1/users/profile").await;
    let page = open(&app, &path).await.expect(200).text;
    assert!(page.contains("rejected an access token"), "{page}");
    // The component's own line is there, too.
    let login = app.log_in("nobody", "wrong password").await.expect(401);
    assert!(!login.header("x-request-id").is_empty());
    let path = wait_for_trace(&app, "POST /api/v1/users/login").await;
    let page = open(&app, &path).await.expect(200).text;
    assert!(
        page.contains("rejected a login: wrong name or password"),
        "{page}"
    );
    open(&app, "/traces/unknown").await.expect(404);
}

#[tokio::test]
async fn requests_are_filtered_by_the_address() {
    let app = App::start(HostMode::Embedded).await;
    app.get("/api/v1/users/stats/count")
        .header("x-request-id", "the-one")
        .send()
        .await
        .expect(200);
    app.get("/health").send().await.expect(200);
    wait_for_trace(&app, "GET /api/v1/users/stats/count").await;
    wait_for_trace(&app, "GET /health").await;
    let found = open(&app, "/?q=the-one").await.expect(200).text;
    assert!(
        found.contains("stats/count") && !found.contains(">GET /health<"),
        "{found}"
    );
    let none = open(&app, "/?component=user&failed=1")
        .await
        .expect(200)
        .text;
    assert!(none.contains("No request matches"), "{none}");
    let escaped = open(&app, "/?q=%3Cscript%3E").await.expect(200).text;
    assert!(!escaped.contains("<script>"), "{escaped}");
}

#[tokio::test]
async fn a_dead_letter_can_be_retried_and_discarded() {
    let app = App::start(HostMode::Embedded).await;
    let mut admin = cluster::connect(&app.database).await;
    for (id, body) in [
        (
            "11111111-1111-4111-8111-111111111111",
            r#"{"event_type": "page_view", "event_name": "home"}"#,
        ),
        ("22222222-2222-4222-8222-222222222222", "{}"),
    ] {
        let insert = sqlx::query(
            "insert into \"user\".outbox (id, peer, path, body, idempotency_key, refused_at, refusal) \
             values ($1::uuid, 'analytics', '/api/v1/analytics/events', $2, $1::text, now(), 'a reason')",
        );
        admin
            .execute(insert.bind(id).bind(body))
            .await
            .expect("a dead letter");
    }
    let page = open(&app, "/outbox").await.expect(200).text;
    assert_eq!(page.matches("a reason").count(), 2, "{page}");
    let change = |id: &str, change: &str, origin: &str| {
        let path = format!("/outbox/user/{id}/{change}");
        let request = app.request_to("management", Method::POST, &path);
        request.header("origin", origin).send()
    };
    let own = app.url("management").to_owned();
    let (first, second) = (
        "11111111-1111-4111-8111-111111111111",
        "22222222-2222-4222-8222-222222222222",
    );
    change(first, "retry", "http://evil.example")
        .await
        .expect(403);
    change(first, "retry", &own).await.expect(200);
    app.wait_for_statistics(1).await;
    change(second, "discard", &own).await.expect(200);
    change(second, "discard", &own).await.expect(404);
    change("not-an-id", "discard", &own).await.expect(404);
    change(second, "explode", &own).await.expect(404);
    let page = open(&app, "/outbox").await.expect(200).text;
    assert!(!page.contains("a reason"), "{page}");
}

#[tokio::test]
async fn versions_of_components_on_spin_are_shown() {
    let app = App::start(HostMode::Composed).await;
    until("the versions", async || {
        let page = open(&app, "/").await.expect(200).text;
        (page.matches("<td>0.1.0</td>").count() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn settings_and_migrations_are_shown_without_secrets() {
    let app = App::start(HostMode::Embedded).await;
    let settings = open(&app, "/settings").await.expect(200).text;
    assert!(
        settings.contains("DATABASE_URL") && settings.contains("not shown"),
        "{settings}"
    );
    assert!(!settings.contains("postgres://"), "{settings}");
    let migrations = open(&app, "/migrations").await.expect(200).text;
    assert!(migrations.contains("password hash form") && migrations.contains("applied"));
    open(&app, "/charts").await.expect(200);
}

#[tokio::test]
async fn production_requires_a_token() {
    let app = Builder::new(HostMode::Embedded)
        .env("MANAGEMENT_TOKEN", "a-long-enough-token")
        .start()
        .await;
    open(&app, "/").await.expect(401);
    open(&app, "/?token=another-token-that-is-long")
        .await
        .expect(401);
    // A browser follows the redirect with the cookie.
    let address = app.url("management").trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request =
        "GET /?token=a-long-enough-token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut first = String::new();
    stream.read_to_string(&mut first).await.expect("an answer");
    assert!(
        first.starts_with("HTTP/1.1 303") && first.contains("location: /\r\n"),
        "{first}"
    );
    let cookie = first.split("set-cookie: ").nth(1).expect("a cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    app.request_to("management", Method::GET, "/")
        .header("cookie", &cookie)
        .send()
        .await
        .expect(200);
    // The page that asks for the token needs the style sheet.
    open(&app, "/style.css").await.expect(200);
    open(&app, "/live").await.expect(200);
    open(&app, "/metrics").await.expect(200);
}

#[tokio::test]
async fn a_page_of_another_name_is_rejected() {
    let app = App::start(HostMode::Embedded).await;
    app.request_to("management", Method::GET, "/")
        .header("host", "evil.example")
        .send()
        .await
        .expect(421);
    let answer = open(&app, "/").await.expect(200);
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
}

/// The browser, which is the machine's Chromium.
fn chromium() -> &'static str {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        });
    found.expect("Chromium is missing: please run `apt-get install chromium`, as .ci/run does")
}

#[tokio::test]
async fn the_page_works_in_a_browser() {
    let browser = chromium();
    let app = App::start(HostMode::Embedded).await;
    app.register("ada").await.expect(201);
    wait_for_trace(&app, "POST /api/v1/users/register").await;
    let profile = tempfile::tempdir().expect("a directory");
    for path in ["/", "/outbox", "/charts", "/migrations", "/settings"] {
        let output = tokio::process::Command::new(browser)
            .kill_on_drop(true)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args([
                "--enable-logging=stderr",
                "--virtual-time-budget=3000",
                "--window-size=400,800",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(["--dump-dom", &format!("{}{path}", app.url("management"))])
            .output();
        let output = tokio::time::timeout(Duration::from_secs(180), output).await;
        let output = output
            .expect("the browser ends in time")
            .expect("a browser");
        let dom = String::from_utf8_lossy(&output.stdout);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(dom.contains("</main>"), "{path}: {dom} {log}");
        assert!(
            !log.contains("CONSOLE"),
            "{path}: the browser complains: {log}"
        );
        if path == "/" {
            // The script has run, because it shows the button.
            let button = dom.split("id=\"pause\"").nth(1).expect("the button");
            let button = button.split('>').next().expect("its attributes");
            assert!(!button.contains("hidden"), "{button}");
            assert!(dom.contains("POST /api/v1/users/register"), "{dom}");
        }
    }
}
