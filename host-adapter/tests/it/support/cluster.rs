//! One PostgreSQL for the test run, and a database in it for each test.

use host_adapter::dev::PrivatePostgres;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

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

/// Opens a new connection.
pub(crate) async fn connect(url: &SecretString) -> PgConnection {
    PgConnection::connect(url.expose_secret())
        .await
        .expect("connect to PostgreSQL")
}
