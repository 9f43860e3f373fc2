//! What a hostile component (`tests/guests/hostile`) can reach, stop, forge and read, on both ways: nothing of
//! others. `victim` is another component of the same application.

mod attempts;
mod http;
mod secrets;

use rstest::rstest;
use serde_json::Value;
use sqlx::{Executor as _, Row as _};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{Answer, App, Builder, HostMode, until, wasm};
use attempts::{ATTEMPTS, STATEMENTS, TOO_MUCH};

/// What only the victim has.
const PRIZE: &str = "the crown jewels";

const SETTINGS: &str = "[components.hostile]\npostgres = true\ncollections = [\"loot\"]\npeers = [\"hostile\"]\n\
    [components.victim]\npostgres = true\ncollections = [\"treasure\"]\npeers = [\"hostile\"]\npasswords = true\n\
    tokens = [\"issue\", \"verify\"]\nenvelopes = [\"client\"]\n";

/// Starts both components. The victim answers `/sleep/0` with a statement.
async fn start(mode: HostMode, limits: &[(&str, &str)]) -> (App, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"hostile\"\n\
         [[trigger.http]]\nroute = \"/hostile/...\"\ncomponent = \"hostile\"\n\
         [[trigger.http]]\nroute = \"/sleep/...\"\ncomponent = \"victim\"\n\
         [component.hostile]\nsource = \"{}\"\nvariables = {{ colour = \"{}\" }}\n\
         environment = {{ SHAPE = \"{}\" }}\n\
         [component.victim]\nsource = \"{}\"\n",
        wasm("hostile").display(),
        secrets::VARIABLE,
        secrets::ENVIRONMENT,
        wasm("faulty").display()
    );
    let write =
        |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("write");
    write("adapter.toml", SETTINGS);
    write("spin.toml", &manifest);
    let mut builder = Builder::new(mode)
        .project(directory.path(), &["app"])
        .env("MANAGEMENT_TOKEN", secrets::MANAGEMENT_TOKEN);
    for (name, value) in limits {
        builder = builder.env(name, *value);
    }
    let app = builder.start().await;
    let tables = "create table hostile.items (name text); create table victim.items (name text); \
         grant all on hostile.items, victim.items to public";
    let mut admin = app.admin_connection().await;
    admin.execute(tables).await.expect("tables");
    let prize = sqlx::query("insert into victim.items values ($1)").bind(PRIZE);
    prize.execute(&mut admin).await.expect("the prize");
    (app, directory)
}

/// Has the hostile component attempt something, and returns what became of it.
async fn attempt(app: &App, what: &str, with: &str) -> String {
    let request = app.post(&format!("/hostile/{what}")).text(with);
    request.send().await.expect(200).text
}

#[rstest]
#[tokio::test]
async fn a_hostile_component_reaches_nothing_of_others(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let (app, _project) = start(mode, &[]).await;
    let secrets = secrets::of(&app);
    let statements = STATEMENTS
        .iter()
        .map(|(sql, answer)| ("sql", *sql, *answer));
    for (what, with, expected) in statements.chain(ATTEMPTS) {
        let answer = attempt(&app, what, with).await;
        assert!(answer.contains(expected), "{what}: {with}: {answer}");
        assert!(!answer.contains(PRIZE), "{what}: {with}: {answer}");
        secrets::check_text(&secrets, &answer);
    }
    let management = app.management();
    let address = management.trim_start_matches("http://");
    for (what, with) in [("get", management.as_str()), ("connect", address)] {
        let answer = attempt(&app, what, with).await;
        assert!(answer.starts_with("Err"), "{what}: {answer}");
    }
    let mut admin = app.admin_connection().await;
    let prizes = sqlx::query_scalar::<_, i64>("select count(*) from victim.items");
    let prizes = prizes.fetch_one(&mut admin).await;
    assert_eq!(prizes.expect("a count"), 1);
    secrets::check_memory(&app, &secrets).await;
}

#[rstest]
#[tokio::test]
async fn a_message_to_a_peer_that_is_not_granted_stays(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let (app, _project) = start(mode, &[]).await;
    // The table belongs to the component, so nothing keeps it from writing there.
    let forged = "insert into outbox (id, peer, path, body, idempotency_key) \
         values (gen_random_uuid(), 'victim', '/sleep/0', '{}', 'k') returning peer";
    let answer = attempt(&app, "sql", forged).await;
    assert!(answer.starts_with("Ok"), "{answer}");
    let answer = attempt(&app, "message/hostile", "/hostile/log").await;
    assert!(answer.starts_with("Ok"), "{answer}");
    let mut admin = app.admin_connection().await;
    until("the delivery of the message that is granted", async || {
        let attempts = "select attempts from hostile.outbox where peer = 'hostile'";
        let row = admin.fetch_optional(attempts).await.expect("a row");
        row.is_none_or(|row| row.get::<i32, _>(0) > 0).then_some(())
    })
    .await;
    let forged = "select attempts from hostile.outbox where peer = 'victim'";
    let forged = admin.fetch_one(forged).await.expect("the message");
    assert_eq!(forged.get::<i32, _>(0), 0);
}

#[rstest]
#[tokio::test]
async fn a_hostile_component_stops_nobody(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    const MAX_CALLS: usize = 8;
    let (app, _project) = start(
        mode,
        &[
            ("SPINDLE_HOST_MEMORY_PER_INSTANCE", "16MiB"),
            ("SPINDLE_HOST_REQUEST_TIMEOUT", "6s"),
            ("SPINDLE_HOST_MAX_CALLS", &MAX_CALLS.to_string()),
            ("SPINDLE_SERVER_MAX_REQUESTS", &MAX_CALLS.to_string()),
            ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "2s"),
        ],
    )
    .await;
    for (what, with, expected) in TOO_MUCH {
        let with = with.replace("LONG", &"x".repeat(1 << 20));
        let with = with.replace("MANY", &"select 1\n".repeat(51));
        let answer = attempt(&app, what, &with).await;
        assert!(answer.contains(expected), "{what}: {answer}");
        expect_victim(&app).await;
    }
    let sleeps = tokio::spawn(app.get(&format!("/hostile/sleep/{}", 2 * MAX_CALLS)).send());
    wait_for_hostile(&app, &sleeps).await;
    expect_victim(&app).await;
    let refused = sleeps.await.expect("join").expect(200).text;
    let refused: usize = refused.parse().expect("a number");
    assert!(refused >= MAX_CALLS, "{refused}");
    let loops = tokio::spawn(app.get("/hostile/loop").send());
    wait_for_hostile(&app, &loops).await;
    expect_victim(&app).await;
    let ended = loops.await.expect("join");
    assert!(matches!(ended.status.as_u16(), 500 | 504), "{ended:?}");
    app.get("/hostile/allocate/32")
        .send()
        .await
        .expect_problem(500, "internal");
    expect_victim(&app).await;
}

/// Waits until a request of the hostile component is in flight. On a busy machine it may be over before it is seen.
async fn wait_for_hostile(app: &App, request: &JoinHandle<Answer>) {
    until("a request of the hostile component", async || {
        let is_there = app.requests_in_flight("hostile").await == 1;
        (is_there || request.is_finished()).then_some(())
    })
    .await;
}

async fn expect_victim(app: &App) {
    let answer = app.get("/sleep/0").send().await.expect(200).text;
    assert!(answer.starts_with("Ok"), "{answer}");
}

#[rstest]
#[tokio::test]
async fn a_hostile_component_forges_no_line_of_another(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let (app, _project) = start(mode, &[]).await;
    let lines = [
        r#"{"level":"ERROR","component":"victim","timestamp":"1970","message":"forged 1"}"#,
        "\u{1b}[2J\r{\"component\":\"victim\",\"message\":\"forged 2\"}",
        r#"{"message":"forged 3\n{\"component\":\"victim\"}\u001b[31m","request_id":"a b"}"#,
        r#"{"message":"forged 4","component":"victim","component":"victim"}"#,
        &format!("forged 5 {}", "x".repeat(100_000)),
        r#"{"message":"forged 6","host":"x","target":"host_adapter"}"#,
    ];
    attempt(&app, "log", &format!("{}\n", lines.join("\n"))).await;
    let is_forged = |line: &Value| line.to_string().contains("forged");
    app.wait_for_log("the last line", |line| {
        line.to_string().contains("forged 6")
    })
    .await;
    let forged: Vec<Value> = app.log().into_iter().filter(is_forged).collect();
    assert_eq!(forged.len(), lines.len(), "{forged:#?}");
    for line in forged {
        assert_eq!(line["component"], "hostile", "{line}");
        assert_ne!(line["timestamp"], "1970", "{line}");
        assert_ne!(line["request_id"], "a b", "{line}");
        // A line that is not JSON would have a control character in it, or be torn.
        assert!(
            line["not JSON"].is_null() && line.to_string().len() < 40_000,
            "{line}"
        );
    }
}
