//! PostgreSQL: whether it answers, and whether it is new enough.

use std::{future::Future, time::Duration};

use anyhow::Context as _;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use super::Subject;
use crate::{checks::Finding, database, dev::PrivatePostgres};

const CHECK: &str = "database";

/// The longest time for a connection, and for all queries of one check. A database on the same network
/// takes milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The oldest major version of PostgreSQL.
const OLDEST: i32 = 14;

/// A database that answers.
pub(super) struct Database {
    /// The administrator.
    pub(super) admin: PgConnectOptions,
    /// Where it is, in words.
    place: String,
    pub(super) connection: PgConnection,
}

/// Connects to the database. `None` if no database is configured, or it does not answer.
pub(super) async fn check(subject: &Subject<'_>) -> (Vec<Finding>, Option<Database>) {
    let settings = &subject.settings.databases;
    let admin = match &settings.postgres {
        Some(url) => database::options(url),
        None => match private(subject) {
            Some(admin) => Ok(admin),
            None => return (vec![not_running()], None),
        },
    };
    let connected = async {
        let admin = admin?;
        let connection = limited(admin.connect()).await?;
        let place = match settings.postgres {
            Some(_) => {
                let (host, port) = (admin.get_host(), admin.get_port());
                format!("PostgreSQL at {host}, port {port},")
            }
            None => "the private PostgreSQL".to_owned(),
        };
        anyhow::Ok(Database {
            admin,
            place,
            connection,
        })
    };
    match connected.await {
        Ok(mut database) => (vec![check_version(&mut database).await], Some(database)),
        Err(_) if settings.postgres.is_none() => (vec![not_running()], None),
        Err(error) => {
            let what = format!("PostgreSQL does not answer: {error:#}");
            let fix =
                "start it, or correct `DATABASE_URL`; clock, migrations and drift are not checked";
            (vec![Finding::error(CHECK, what, fix)], None)
        }
    }
}

/// The result of `work`, within a time limit.
pub(super) async fn limited<T, E>(work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let result = tokio::time::timeout(TIMEOUT, work).await;
    Ok(result.with_context(|| format!("no answer within {} s", TIMEOUT.as_secs()))??)
}

/// The private PostgreSQL of a laptop, if there is one. It may be stopped.
fn private(subject: &Subject<'_>) -> Option<PgConnectOptions> {
    let (directory, name) = (subject.private_postgres, subject.private_database);
    let url = PrivatePostgres::existing_url(directory, name)?;
    database::options(&url).ok()
}

fn not_running() -> Finding {
    Finding::fine(
        CHECK,
        "there is no database now (`DATABASE_URL` is not set, and the private PostgreSQL does not run), \
         so clock, migrations and drift are not checked; `./dev up` starts one",
    )
}

async fn check_version(database: &mut Database) -> Finding {
    let query = sqlx::query_scalar("select current_setting('server_version_num')::int");
    let number: anyhow::Result<i32> = limited(query.fetch_one(&mut database.connection)).await;
    let place = &database.place;
    match number.map(|number| number / 10_000) {
        Ok(major) if major < OLDEST => Finding::error(
            CHECK,
            format!("{place} has version {major}, which is older than {OLDEST}"),
            format!("use PostgreSQL {OLDEST} or newer"),
        ),
        Ok(major) => Finding::fine(CHECK, format!("{place} answers, version {major}")),
        Err(error) => {
            let what = format!("{place} does not tell its version: {error:#}");
            Finding::warning(
                CHECK,
                what,
                "check the rights of the role in `DATABASE_URL`",
            )
        }
    }
}
