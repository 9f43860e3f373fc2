//! Dependencies of the application fail and recover.

use std::process::Command;

use host_adapter::dev::{Options, PrivatePostgres};
use rstest::rstest;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::{App, Builder, HostMode, cluster, peer::Peer, process::send_signal, until};

/// Starts a PostgreSQL that the test may stop.
pub(crate) async fn start_private_postgres(directory: &std::path::Path) -> PrivatePostgres {
    PrivatePostgres::start(
        directory,
        &Options {
            durable: false,
            ..Options::default()
        },
    )
    .await
    .expect("PostgreSQL")
}

#[rstest]
#[tokio::test]
async fn requests_fail_fast_without_postgres_and_then_recover(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = std::env::temp_dir().join(format!("spindle-outage-{}", uuid::Uuid::now_v7()));
    let postgres = start_private_postgres(&directory).await;
    let mut admin = cluster::connect(&postgres.url("postgres")).await;
    admin
        .execute(AssertSqlSafe("create database outage"))
        .await
        .expect("create a database");
    drop(admin);
    let app = Builder::new(mode)
        .database(postgres.url("outage"))
        .start()
        .await;
    let token = app.register_and_log_in("ada").await;
    postgres.stop().await.expect("stop");

    let count = || app.get("/api/v1/users/stats/count").send();
    let answer = count().await.expect_problem(503, "unavailable");
    assert!(
        answer.header("retry-after").parse::<u32>().is_ok(),
        "{answer:?}"
    );
    app.get("/api/v1/users/profile")
        .bearer(&token)
        .send()
        .await
        .expect_problem(503, "unavailable");
    app.log_in("ada", "correct horse battery")
        .await
        .expect_problem(503, "unavailable");
    app.register("eve").await.expect_problem(503, "unavailable");
    app.get("/api/v1/analytics/stats")
        .send()
        .await
        .expect_problem(503, "unavailable");
    // A result of the last second is reused, and the start has asked, too.
    let health = until("the outage in the health", async || {
        let asked = app.request_to("user", reqwest::Method::GET, "/health");
        let answer = asked.send().await;
        (answer.status == 503).then(|| answer.json())
    })
    .await;
    assert_eq!(
        health["dependencies"]["postgres"]["status"], "down",
        "{health}"
    );
    until("the outage in the health of all", async || {
        (app.get("/health").send().await.status == 503).then_some(())
    })
    .await;
    app.get("/").send().await.expect(200);

    let postgres = start_private_postgres(&directory).await;
    until("the count", async || {
        (count().await.status == 200).then_some(())
    })
    .await;
    until("the profile", async || {
        let profile = app.get("/api/v1/users/profile").bearer(&token);
        (profile.send().await.status == 200).then_some(())
    })
    .await;
    until("health", async || {
        (app.get("/health").send().await.status == 200).then_some(())
    })
    .await;
    app.register("eve").await.expect(201);
    // The log reports the outage once and the recovery once, not once per request.
    let said = |text: &str| {
        let log = app.log();
        log.iter()
            .filter(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|message| message.contains(text))
            })
            .count()
    };
    assert_eq!(
        said("PostgreSQL for `user` is not available"),
        1,
        "{:#?}",
        app.log()
    );
    assert_eq!(
        said("PostgreSQL for `user` is available again"),
        1,
        "{:#?}",
        app.log()
    );
    drop(app);
    postgres.stop().await.expect("stop");
    std::fs::remove_dir_all(&directory).expect("remove the cluster");
}

#[rstest]
#[tokio::test]
async fn closed_connections_cost_at_most_one_request(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let count = || app.get("/api/v1/users/stats/count").send();
    for _ in 0..10 {
        count().await.expect(200);
    }
    let ended = "select pg_terminate_backend(pid, 5000) from pg_stat_activity \
                 where datname = current_database() and pid <> pg_backend_pid()";
    app.admin_connection()
        .await
        .execute(ended)
        .await
        .expect("terminate");
    let mut rejected = 0;
    for _ in 0..20 {
        let answer = count().await;
        rejected += u32::from(answer.status == 503);
        assert!(matches!(answer.status.as_u16(), 200 | 503), "{answer:?}");
    }
    assert!(rejected <= 1, "{rejected} requests met a closed connection");
}

#[rstest]
#[tokio::test]
async fn statistics_warn_when_the_user_service_is_down(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let hanging = Peer::reserve();
    let url = hanging.url();
    let _hanging = hanging.hang();
    for url in [Peer::reserve().url(), url] {
        let app = Builder::new(mode)
            .env("SPINDLE_PEERS_USER_URL", url)
            .start()
            .await;
        let answer = app
            .get("/api/v1/analytics/stats")
            .send()
            .await
            .expect(200)
            .json();
        assert!(answer["data"]["user_stats"].is_null(), "{answer}");
        assert_eq!(answer["data"]["total_events"], 0);
        assert!(
            !answer["warnings"].as_array().expect("warnings").is_empty(),
            "{answer}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn one_unhealthy_service_makes_the_gateway_unhealthy(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    // Nothing else may get the port.
    let peer = Peer::reserve();
    let app = Builder::new(mode)
        .env("SPINDLE_PEERS_ANALYTICS_URL", peer.url())
        .start()
        .await;
    // A database that answers slowly, as on a busy machine, is down for a second.
    let health = until("the health of all", async || {
        let health = app.get("/health").send().await.expect(503).json();
        (health["services"]["user"]["status"] == "degraded").then_some(health)
    })
    .await;
    assert_eq!(
        health["services"]["analytics"]["status"], "unhealthy",
        "{health}"
    );
    // An unreachable peer only degrades the user service.
    let own = until("the health of the user service", async || {
        let own = app.request_to("user", reqwest::Method::GET, "/health");
        let own = own.send().await;
        (own.status == 200).then(|| own.json())
    })
    .await;
    assert_eq!(own["status"], "degraded", "{own}");
}

#[rstest]
#[tokio::test]
async fn a_burst_of_logins_is_limited(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPINDLE_PASSWORDS_THREADS", "1")
        .env("SPINDLE_PASSWORDS_QUEUE", "1")
        .start()
        .await;
    let mut logins = tokio::task::JoinSet::new();
    for number in 0..30 {
        let request = app.post("/api/v1/users/login");
        let username = format!("user{number}");
        let body = serde_json::json!({ "username": username, "password": "wrong password" });
        logins.spawn(async move { request.json(&body).send().await });
    }
    let answers = logins.join_all().await;
    let busy: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect();
    assert!(!busy.is_empty(), "no login was rejected");
    assert!(
        answers.iter().any(|answer| answer.status == 401),
        "no login was processed"
    );
    assert!(
        busy.iter()
            .all(|answer| !answer.header("retry-after").is_empty()),
        "{busy:?}"
    );
}

#[rstest]
#[tokio::test]
async fn the_database_url_never_appears_in_output(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.get("/health").send().await;
    let url = app.database.expose_secret().to_owned();
    let password = url
        .split(':')
        .nth(2)
        .and_then(|rest| rest.split('@').next())
        .expect("a password")
        .to_owned();
    let check = app.run(&["config", "check"]);
    let output = format!("{:?}{:?}", app.log(), check);
    assert!(!output.contains(&password), "{output}");
}

#[rstest]
#[tokio::test]
async fn calls_to_a_hanging_postgres_time_out(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = std::env::temp_dir().join(format!("spindle-hang-{}", uuid::Uuid::now_v7()));
    let postgres = start_private_postgres(&directory).await;
    let mut admin = cluster::connect(&postgres.url("postgres")).await;
    admin
        .execute(AssertSqlSafe("create database outage"))
        .await
        .expect("create a database");
    {
        let app = Builder::new(mode).database(postgres.url("outage"));
        let app = app
            .env("SPINDLE_POSTGRES_ACQUIRE_TIMEOUT", "1s")
            .env("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "1s")
            .start()
            .await;
        for _ in 0..8 {
            // A busy machine may take longer than these short limits.
            until("the count", async || {
                (app.get("/api/v1/users/stats/count").send().await.status == 200).then_some(())
            })
            .await;
        }
        // The processes are suspended, not ended. As with a broken network, connections stay open,
        // the kernel accepts new ones, and the server does not answer.
        let server = std::fs::read_to_string(postgres.directory().join("data/postmaster.pid"));
        let server = server
            .expect("the server's pid")
            .lines()
            .next()
            .map(str::parse);
        let server: u32 = server.expect("a line").expect("a number");
        let signal = |name| {
            send_signal(server, name);
            // It starts no process meanwhile. Some may end, such as that of an autovacuum.
            let mut children = Command::new("pkill");
            children.args([&format!("-{name}"), "-P", &server.to_string()]);
            assert!(children.status().expect("pkill").success());
        };
        signal("STOP");
        for _ in 0..4 {
            app.get("/api/v1/users/stats/count")
                .send()
                .await
                .expect_problem(503, "unavailable");
        }
        signal("CONT");
        until("the count", async || {
            (app.get("/api/v1/users/stats/count").send().await.status == 200).then_some(())
        })
        .await;
    }
    drop(admin);
    postgres.stop().await.expect("stop");
    std::fs::remove_dir_all(&directory).expect("remove the cluster");
}
