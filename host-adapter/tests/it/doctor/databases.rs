//! What `doctor` finds in databases: versions, clock, roles, migrations and drift.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::{SETTINGS, examine, without_database};
use crate::support::{
    App, Builder, HostMode, cluster, mongodb as server, project, scratch::Scratch,
};

/// A project with the repository's services on this database.
fn on_database(database: &SecretString) -> Scratch {
    let scratch = Scratch::new(
        "[components.user]\npostgres = true\npeers = [\"analytics\"]\ncollections = [\"activities\"]\n\
         [components.analytics]\ncollections = [\"events\", \"event_summaries\", \"event_users\"]\n\
         envelopes = [\"user\"]\n",
    );
    std::fs::remove_file(scratch.path().join("spin.toml")).expect("remove");
    scratch
        .env("DATABASE_URL", database.expose_secret())
        .env(
            "SPINDLE_MIGRATIONS_DIRECTORY",
            project().join("migrations").to_str().expect("text"),
        )
        .env("SPINDLE_MIGRATIONS_SKIP", "analytics")
}

async fn run_sql(app: &App, sql: &str) {
    let mut connection = app.admin_connection().await;
    connection
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .expect(sql);
}

/// The names of all schemas, and of all relations outside of PostgreSQL's own.
async fn catalogue(connection: &mut PgConnection) -> Vec<String> {
    let names = sqlx::query_scalar(
        "select nspname::text from pg_namespace where nspname not like 'pg\\_temp%' and nspname not like 'pg\\_toast%' \
         union all select format('%s.%s', relnamespace::regnamespace, relname) from pg_class \
         where relnamespace::regnamespace::text not like 'pg\\_%' order by 1",
    );
    names.fetch_all(connection).await.expect("names")
}

#[test]
fn an_unreachable_database_is_an_error() {
    let report =
        examine(&Scratch::new(SETTINGS).env("DATABASE_URL", "postgres://u:hidden@127.0.0.1:1/x"));
    report.expect("database", "error", &["does not answer", "`DATABASE_URL`"]);
    assert!(!format!("{:?}", report.findings).contains("hidden"));
    let own = "postgres://own:hidden@127.0.0.1:1/x";
    let report = examine(&without_database().env("FAULTY_DATABASE_URL", own));
    report.expect(
        "roles",
        "error",
        &["cannot connect", "correct `FAULTY_DATABASE_URL`"],
    );
    assert!(!format!("{:?}", report.findings).contains("hidden"));
    let url = "mongodb://u:hidden@127.0.0.1:1/x?serverSelectionTimeoutMS=200";
    let report = examine(&without_database().env("MONGODB_URL", url));
    report.expect("mongodb", "error", &["does not answer", "`MONGODB_URL`"]);
    assert!(!format!("{:?}", report.findings).contains("hidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_only_a_superuser_revokes_are_told() {
    let database = cluster::database_without_superuser().await;
    let report = examine(&on_database(&database));
    report.expect(
        "rights",
        "warning",
        &["pg_advisory_lock", "set_config", "superuser"],
    );
    let fresh = cluster::database().await;
    let report = examine(&on_database(&fresh));
    let mut findings = report.findings.iter();
    assert!(findings.all(|finding| finding["check"] != "rights"));
}

#[tokio::test]
async fn drift_is_told_with_both_definitions() {
    let app = App::start(HostMode::Embedded).await;
    let scratch = on_database(&app.database);
    let report = examine(&scratch);
    report.expect("drift", "fine", &["`user` is what its migrations make"]);
    report.expect("clock", "fine", &["agree"]);
    report.expect("database", "fine", &["answers, version"]);
    report.expect("migrations", "fine", &["migrations of `user` are applied"]);
    run_sql(
        &app,
        "alter table \"user\".users add column nick text not null default 'x'; \
         alter table \"user\".users alter column email drop not null; \
         alter table \"user\".users drop constraint users_email_form; \
         create table \"user\".extra (id int)",
    )
    .await;
    let report = examine(&scratch);
    report.expect(
        "drift",
        "error",
        &[
            "column `users.nick` of `user` is in the database, but no migration makes it",
            "text not null default",
            "migrate new --service user",
        ],
    );
    report.expect(
        "drift",
        "error",
        &["column `users.email`", "not null", "change it by hand"],
    );
    report.expect(
        "drift",
        "error",
        &["constraint `users.users_email_form`", "is missing", "CHECK"],
    );
    report.expect(
        "drift",
        "warning",
        &["table `extra`", "no migration makes it"],
    );
    assert_eq!(report.bad("drift").len(), 4, "{:#?}", report.findings);
    assert_eq!(report.code, Some(1));
}

#[tokio::test]
async fn drift_of_document_indexes_is_told() {
    let app = App::start(HostMode::Embedded).await;
    let scratch = on_database(&app.database);
    let fine = ["document indexes of `user` are what its migrations make"];
    examine(&scratch).expect("drift", "fine", &fine);
    run_sql(
        &app,
        r#"drop index documents."activities.activities_user_id_at.rest";
           drop index documents."events.events_timestamp.order";
           comment on index documents."events.events_received_at.order" is
           '{"collection":"events","index":"events_received_at","fields":["-received_at"],"unique":false}'"#,
    )
    .await;
    let report = examine(&scratch);
    for expected in [
        ["index `activities_user_id_at`", "`user_id, -at` is missing"],
        ["index `events_timestamp`", "`-timestamp` is missing"],
        [
            "on `-received_at` in the store",
            "on `received_at` after the migrations",
        ],
    ] {
        report.expect("drift", "error", &expected);
    }
    assert_eq!(report.bad("drift").len(), 3, "{:#?}", report.findings);
}

#[tokio::test]
async fn drift_of_indexes_in_mongodb_is_told() {
    let documents = server::database().await;
    let builder = Builder::new(HostMode::Embedded).mongodb(&documents.url);
    let app = builder.start().await;
    let scratch = on_database(&app.database).env("MONGODB_URL", documents.url.expose_secret());
    let events = server::connect(&documents.url).await;
    let events = events.collection::<mongodb::bson::Document>("events");
    events.drop_index("events_timestamp").await.expect("drop");
    let keys = mongodb::bson::doc! { "event_name": 1 };
    let model = mongodb::IndexModel::builder().keys(keys).build();
    events.create_index(model).await.expect("create");
    let report = examine(&scratch);
    let missing = ["index `events_timestamp`", "`-timestamp` is missing"];
    report.expect("drift", "error", &missing);
    let extra = ["index `event_name_1`", "no migration declares it"];
    report.expect("drift", "warning", &extra);
}

#[tokio::test]
async fn changed_and_missing_migrations_are_told() {
    let app = App::start(HostMode::Embedded).await;
    run_sql(
        &app,
        "update spindle.\"migrations_user\" set checksum = '\\x00' where version = 1; \
         insert into spindle.\"migrations_user\" (version, description, success, checksum, execution_time) \
         values (99, 'later', true, '\\x00', 0)",
    )
    .await;
    let report = examine(&on_database(&app.database));
    report.expect(
        "migrations",
        "error",
        &[
            "migration 0001 of `user`",
            "changed afterwards",
            "restore the file",
        ],
    );
    report.expect(
        "migrations",
        "warning",
        &[
            "migration 0099 of `user` (later)",
            "there is no such file",
            "restore the file",
        ],
    );
    report.expect(
        "drift",
        "warning",
        &[
            "`user` cannot be compared",
            "no file of an applied migration",
        ],
    );
}

#[tokio::test]
async fn an_empty_database_stays_empty() {
    let database = cluster::database().await;
    let mut connection = cluster::connect(&database).await;
    let before = catalogue(&mut connection).await;
    let report = examine(&on_database(&database));
    report.expect(
        "migrations",
        "fine",
        &["of `user` are pending", "next start"],
    );
    report.expect("drift", "fine", &["no migration of `user` is applied"]);
    assert_eq!(catalogue(&mut connection).await, before);
    let skipped = on_database(&database).env("SPINDLE_MIGRATIONS_SKIP", "user");
    examine(&skipped).expect(
        "migrations",
        "warning",
        &["pending", "migrate run --service user"],
    );
}

#[tokio::test]
async fn a_database_in_use_is_not_changed() {
    let app = App::start(HostMode::Embedded).await;
    let mut connection = app.admin_connection().await;
    let before = catalogue(&mut connection).await;
    examine(&on_database(&app.database)).expect("drift", "fine", &["`user`"]);
    assert_eq!(catalogue(&mut connection).await, before);
}

#[tokio::test]
async fn a_migration_that_commits_changes_no_live_row() {
    let database = cluster::database().await;
    let scratch = Scratch::new(SETTINGS).env("DATABASE_URL", database.expose_secret());
    let up = "create table things (id int); commit; insert into things values (1);";
    scratch.write("migrations/faulty/0001_things.up.sql", up);
    scratch.write(
        "migrations/faulty/0001_things.down.sql",
        "drop table things;",
    );
    let applied = scratch.run(&["migrate", "run", "--service", "faulty"]);
    assert!(applied.status.success(), "{applied:?}");
    let mut connection = cluster::connect(&database).await;
    let before = catalogue(&mut connection).await;
    let report = examine(&scratch);
    report.expect("drift", "warning", &["ends the transaction"]);
    assert_eq!(catalogue(&mut connection).await, before);
    let count = sqlx::query_scalar("select count(*) from faulty.things");
    let count: i64 = count.fetch_one(&mut connection).await.expect("a count");
    assert_eq!(count, 1);
}

#[tokio::test]
async fn pools_beyond_the_limit_of_the_database_are_told() {
    let database = cluster::database().await;
    let scratch = on_database(&database).env("SPINDLE_POSTGRES_CONNECTIONS", "1000");
    let report = examine(&scratch);
    report.expect(
        "connections",
        "warning",
        &["up to 2006", "`postgres.connections`"],
    );
}
