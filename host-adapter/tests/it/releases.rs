//! The statements of earlier releases work with the schema of today, because components of the last release run
//! beside new ones while a rollout lasts. `host-adapter/tests/record-statements` writes them at a release.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use crate::support::{App, HostMode, project};

/// A statement of a component.
struct Recorded {
    /// Where the release has it.
    source: String,
    component: String,
    text: String,
}

fn releases() -> Vec<PathBuf> {
    let folder = project().join("host-adapter/tests/releases");
    let files = fs::read_dir(folder).expect("the recorded statements");
    files.map(|file| file.expect("a file").path()).collect()
}

fn read(file: &Path) -> Vec<Recorded> {
    let text = fs::read_to_string(file).expect("text");
    let statements = text.split("\n\n").filter(|part| !part.trim().is_empty());
    statements
        .map(|part| {
            let (source, text) = part.trim().split_once('\n').expect("two lines");
            Recorded {
                source: source.trim_start_matches("-- ").to_owned(),
                component: source.split('/').nth(1).expect("a component").to_owned(),
                text: text.trim_end_matches(';').to_owned(),
            }
        })
        .collect()
}

/// Acts as a component: with its role and in its schema.
async fn act_as(sql: &mut PgConnection, component: &str) {
    let role = "select quote_ident(current_database() || '_' || $1)";
    let role: String = sqlx::query_scalar(role)
        .bind(component)
        .fetch_one(&mut *sql)
        .await
        .expect("a role");
    let become_it = format!("reset role; set role {role}; set search_path to \"{component}\"");
    sql.execute(AssertSqlSafe(become_it)).await.expect("a role");
}

/// Plans a statement with its role, which checks names, types and rights.
async fn plan(sql: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    let prepare = format!("prepare recorded as {statement}");
    sql.execute(AssertSqlSafe(prepare)).await?;
    let count =
        "select cardinality(parameter_types) from pg_prepared_statements where name = 'recorded'";
    let count: i32 = sql.fetch_one(count).await?.try_get(0)?;
    let parameters = vec!["null"; usize::try_from(count).expect("a count")].join(", ");
    let parameters = if count > 0 {
        format!("({parameters})")
    } else {
        parameters
    };
    let explained = sql
        .execute(AssertSqlSafe(format!(
            "explain execute recorded{parameters}"
        )))
        .await;
    sql.execute("deallocate recorded").await?;
    explained.map(|_| ())
}

/// Returns the columns that an insert has to name and does not.
async fn missing_columns(sql: &mut PgConnection, statement: &str) -> Vec<String> {
    let Some((_, insert)) = statement.split_once("insert into ") else {
        return Vec::new();
    };
    let (table, rest) = insert.split_once(" (").expect("a table");
    let (named, _) = rest.split_once(')').expect("columns");
    let named: BTreeSet<&str> = named.split(", ").collect();
    let required = "select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 \
         and not attisdropped and attnotnull and not atthasdef and attidentity = ''";
    let required: Vec<String> = sqlx::query_scalar(required)
        .bind(table)
        .fetch_all(sql)
        .await
        .expect("columns");
    let is_missing = |column: &String| !named.contains(column.as_str());
    required.into_iter().filter(is_missing).collect()
}

/// Returns what does not work any more, and why, by source.
async fn broken(sql: &mut PgConnection) -> BTreeMap<String, String> {
    let mut broken = BTreeMap::new();
    for statement in releases().iter().flat_map(|file| read(file)) {
        act_as(sql, &statement.component).await;
        let planned = plan(sql, &statement.text).await;
        let missing = missing_columns(sql, &statement.text).await;
        if planned.is_err() || !missing.is_empty() {
            let why = format!("{planned:?}, missing {missing:?}");
            broken.insert(statement.source, why);
        }
    }
    broken
}

#[tokio::test]
async fn statements_of_earlier_releases_still_work() {
    let app = App::start(HostMode::Embedded).await;
    let mut sql = app.admin_connection().await;
    assert!(!releases().is_empty());
    assert_eq!(broken(&mut sql).await, BTreeMap::new());
    // What a migration must not do.
    let breaking = "reset role; alter table \"user\".users rename column last_login_at to seen_at; \
         alter table \"user\".sessions add column device text not null";
    sql.execute(breaking).await.expect("alter");
    let broken = broken(&mut sql).await;
    let sources: Vec<&String> = broken.keys().collect();
    assert_eq!(sources, ["components/user/src/services/log_in.rs"]);
}
