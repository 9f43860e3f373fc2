//! One PostgreSQL for the test run, and a database in it for each test.

use host_adapter::dev::PrivatePostgres;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

use super::until;

/// Stops when the test process ends.
static CLUSTER: OnceCell<PrivatePostgres> = OnceCell::const_new();

/// A fresh, empty database's URL, with all rights.
pub(crate) async fn database() -> SecretString {
    let start = || async {
        PrivatePostgres::temporary()
            .await
            .expect("a PostgreSQL for the tests")
    };
    let cluster = CLUSTER.get_or_init(start).await;
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let mut connection = connect(&cluster.url("postgres")).await;
    connection
        .execute(AssertSqlSafe(format!("create database {name}")))
        .await
        .expect("create a database");
    cluster.url(&name)
}

/// The URL of a new database. Its administrator owns it and is not a superuser.
pub(crate) async fn database_without_superuser() -> SecretString {
    let database = database().await;
    let prepare = "do $$ declare role text := current_database() || '_admin'; begin \
         execute format('create role %I login createrole password %L', role, 'secret'); \
         execute format('alter database %I owner to %I', current_database(), role); end $$";
    let mut superuser = connect(&database).await;
    superuser.execute(prepare).await.expect("an administrator");
    let mut url = reqwest::Url::parse(database.expose_secret()).expect("a URL");
    let name = format!("{}_admin", url.path().trim_start_matches('/'));
    url.set_username(&name).expect("a name");
    url.set_password(Some("secret")).expect("a password");
    url.to_string().into()
}

/// Opens a new connection.
pub(crate) async fn connect(url: &SecretString) -> PgConnection {
    PgConnection::connect(url.expose_secret())
        .await
        .expect("connect to PostgreSQL")
}

/// Waits until a statement in the connection's database waits for a row lock.
pub(crate) async fn wait_for_blocked_statement(connection: &mut PgConnection) {
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    until("a blocked statement", async || {
        let count: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&mut *connection)
            .await
            .expect("count");
        (count > 0).then_some(())
    })
    .await;
}
