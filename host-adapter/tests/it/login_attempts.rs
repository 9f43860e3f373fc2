//! Guessing passwords: delays of accounts, and limits of addresses.

use rstest::rstest;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::support::{Answer, App, Builder, HostMode, app::PASSWORD};

/// More attempts than it takes until one is delayed by many seconds.
const ENOUGH: usize = 14;

/// The tests speak as a proxy, so that they have many addresses.
fn behind_proxy(mode: HostMode) -> Builder {
    Builder::new(mode).env("SPINDLE_HOST_TRUSTED_PROXIES", "127.0.0.1")
}

async fn post(app: &App, path: &str, address: &str, body: &Value) -> Answer {
    let request = app.post(path).header("x-forwarded-for", address);
    request.json(body).send().await
}

async fn log_in(app: &App, address: &str, name: &str, password: &str) -> Answer {
    let body = json!({ "username": name, "password": password });
    post(app, "/api/v1/users/login", address, &body).await
}

fn retry_after(answer: &Answer) -> u32 {
    let seconds = answer.header("retry-after").parse();
    seconds.unwrap_or_else(|_| panic!("no `Retry-After`: {answer:?}"))
}

/// Makes attempts until one is delayed. Returns how many were not, and the answer to the one that was.
async fn until_delayed(mut attempt: impl AsyncFnMut() -> Answer, failure: u16) -> (usize, Answer) {
    for free in 0..ENOUGH {
        let answer = attempt().await;
        if answer.status == 429 {
            return (free, answer.expect_problem(429, "too-many-attempts"));
        }
        answer.expect(failure);
    }
    panic!("no attempt of {ENOUGH} was delayed");
}

#[rstest]
#[tokio::test]
async fn guessing_is_delayed_and_does_not_lock_out(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    const HOME: &str = "192.0.2.1";
    const ELSEWHERE: &str = "198.51.100.1";
    let app = behind_proxy(mode).start().await;
    app.register("ada").await.expect(201);
    let token = log_in(&app, HOME, "ada", PASSWORD).await.expect(200);
    let mut answers = Vec::new();
    for name in ["ada", "nobody"] {
        let guess = async || log_in(&app, ELSEWHERE, name, "wrong password").await;
        let (failures, delayed) = until_delayed(guess, 401).await;
        assert!(failures >= 6, "delayed after {failures} failures");
        assert!((1..=60).contains(&retry_after(&delayed)), "{delayed:?}");
        let headers: Vec<_> = delayed.headers.keys().map(ToString::to_string).collect();
        answers.push((delayed.json(), headers));
    }
    assert_eq!(
        answers[0], answers[1],
        "an answer tells which account exists"
    );

    // A delay of a minute outlasts the test.
    let mut sql = app.admin_connection().await;
    let delay = "update \"user\".login_attempts set retry_at = now() + interval '1 minute'";
    sql.execute(delay).await.expect("update");
    let stranger = log_in(&app, "203.0.113.1", "ada", PASSWORD).await;
    stranger.expect_problem(429, "too-many-attempts");
    log_in(&app, "192.0.2.77", "ada", PASSWORD)
        .await
        .expect(200);
    let token = token.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let profile = app.get("/api/v1/users/profile").bearer(&token).send();
    profile.await.expect(200);

    let over = "update \"user\".login_attempts set retry_at = now(), forget_at = now()";
    sql.execute(over).await.expect("update");
    log_in(&app, ELSEWHERE, "ada", PASSWORD).await.expect(200);
    log_in(&app, ELSEWHERE, "someone", "wrong password")
        .await
        .expect(401);
    crate::support::until("the failures to be forgotten", async || {
        let left = "select count(*) from \"user\".login_attempts where forget_at < now()";
        let left: i64 = sqlx::query_scalar(left)
            .fetch_one(&mut sql)
            .await
            .expect("a count");
        (left == 0).then_some(())
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn an_address_has_a_number_of_attempts(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = behind_proxy(mode)
        .env("SPINDLE_PASSWORDS_ATTEMPTS_PER_MINUTE", "1")
        .start()
        .await;
    let register = async |name: &str, address: &str| {
        let email = format!("{name}@example.com");
        let body = json!({ "username": name, "email": email, "password": PASSWORD });
        post(&app, "/api/v1/users/register", address, &body).await
    };
    register("ada", "192.0.2.1").await.expect(201);
    for limited in [
        register("eve", "192.0.2.1").await,
        log_in(&app, "192.0.2.1", "ada", PASSWORD).await,
    ] {
        let limited = limited.expect_problem(429, "too-many-attempts");
        assert!((1..=60).contains(&retry_after(&limited)), "{limited:?}");
    }
    register("eve", "192.0.2.2").await.expect(201);
    log_in(&app, "2001:db8::1", "ada", PASSWORD)
        .await
        .expect(200);
    let neighbour = log_in(&app, "2001:db8::2", "ada", PASSWORD).await;
    neighbour.expect_problem(429, "too-many-attempts");
}

#[rstest]
#[tokio::test]
async fn a_session_cannot_guess_the_password(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let change = async || {
        let body =
            json!({ "current_password": "wrong password", "new_password": "battery staple" });
        let request = app.post("/api/v1/users/password").bearer(&token);
        request.json(&body).send().await
    };
    let (failures, delayed) = until_delayed(change, 403).await;
    assert!(failures >= 6, "delayed after {failures} failures");
    assert!((1..=60).contains(&retry_after(&delayed)), "{delayed:?}");
    app.log_in("ada", PASSWORD).await.expect(200);
}
