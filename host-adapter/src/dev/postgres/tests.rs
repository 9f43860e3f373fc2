//! With a real PostgreSQL, which `./dev test` installs if it is missing.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};

use super::{DevError, Options, PrivatePostgres};

const FAST: Options = Options {
    durable: false,
    max_connections: 10,
};

async fn answers(postgres: &PrivatePostgres) -> bool {
    let connection = PgConnection::connect(postgres.url("postgres").expose_secret()).await;
    connection.is_ok()
}

/// A directory that the cluster's user can enter, also when the tests run as root.
fn open_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    directory
}

fn server_process(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn cluster_keeps_data_and_runs_until_last_user_stops() {
    let project = open_directory();
    let directory = project.path().join(".spindle/postgres");
    let one = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    let mut connection = PgConnection::connect(one.url("postgres").expose_secret())
        .await
        .unwrap();
    sqlx::raw_sql("create table kept as select 7 as number")
        .execute(&mut connection)
        .await
        .unwrap();

    let other = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    assert!(!one.is_adopted() && other.is_adopted());
    one.stop().await.unwrap();
    assert!(answers(&other).await, "another process still uses it");
    other.stop().await.unwrap();
    assert!(!directory.join("data/postmaster.pid").exists());

    let again = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    assert!(!again.is_adopted());
    let mut connection = PgConnection::connect(again.url("postgres").expose_secret())
        .await
        .unwrap();
    let kept: i32 = sqlx::query_scalar("select number from kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, 7);
    drop(connection);
    again.stop().await.unwrap();
}

#[tokio::test]
async fn running_server_is_adopted_and_dead_one_replaced() {
    let project = open_directory();
    let directory = project.path().join("postgres");
    drop(PrivatePostgres::start(&directory, &FAST).await.unwrap());
    let left = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    assert!(left.is_adopted());
    drop(left);

    let killed = Command::new("kill")
        .args(["-9", &server_process(&directory)])
        .status()
        .unwrap();
    assert!(killed.success());
    let replaced = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    assert!(answers(&replaced).await);
    replaced.stop().await.unwrap();

    // The number of the dead server now belongs to another process.
    std::fs::write(
        directory.join("data/postmaster.pid"),
        std::process::id().to_string(),
    )
    .unwrap();
    let misled = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    assert!(!misled.is_adopted() && answers(&misled).await);
    misled.stop().await.unwrap();
}

#[tokio::test]
async fn a_supervised_server_that_is_killed_starts_again() {
    let project = open_directory();
    let directory = project.path().join("postgres");
    let mut postgres = PrivatePostgres::start(&directory, &FAST).await.unwrap();
    postgres.supervise(&FAST);
    let first = server_process(&directory);
    let killed = Command::new("kill").args(["-9", &first]).status().unwrap();
    assert!(killed.success());
    let start = Instant::now();
    while !answers(&postgres).await || server_process(&directory) == first {
        assert!(start.elapsed() < Duration::from_secs(60), "it stays dead");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    postgres.stop().await.unwrap();
    assert!(!directory.join("data/postmaster.pid").exists());
}

#[tokio::test]
async fn wrong_password_is_reported_and_server_stopped() {
    let project = open_directory();
    let directory = project.path().join("postgres");
    PrivatePostgres::start(&directory, &FAST)
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    std::fs::write(directory.join("password"), "wrong").unwrap();
    let result = PrivatePostgres::start(&directory, &FAST).await;
    assert!(matches!(result, Err(DevError::WrongPassword { .. })));
    assert!(!directory.join("data/postmaster.pid").exists());
}

#[tokio::test]
async fn data_of_missing_version_is_rejected() {
    let project = open_directory();
    let directory = project.path().join("postgres");
    std::fs::create_dir_all(directory.join("data")).unwrap();
    std::fs::write(directory.join("data/PG_VERSION"), "7\n").unwrap();
    let result = PrivatePostgres::start(&directory, &FAST)
        .await
        .err()
        .unwrap();
    assert!(
        matches!(result, DevError::VersionMissing { .. }),
        "{result}"
    );
}

#[tokio::test]
async fn temporary_cluster_is_removed_when_stopped_or_dropped() {
    let postgres = PrivatePostgres::temporary().await.unwrap();
    let directory = postgres.directory().to_owned();
    assert!(answers(&postgres).await);
    postgres.stop().await.unwrap();
    assert!(!directory.exists());

    let dropped = PrivatePostgres::temporary().await.unwrap();
    let directory = dropped.directory().to_owned();
    drop(dropped);
    let start = Instant::now();
    while directory.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{directory:?} is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
