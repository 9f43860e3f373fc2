//! The check of statements against PostgreSQL's own parser: what it accepts is a statement that can be prepared
//! by name, which those that change a session are not.

use std::sync::Mutex;

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{FileFailurePersistence, TestCaseError, TestRunner},
};
use sqlx::AssertSqlSafe;
use tokio::{runtime::Handle, task::block_in_place};

use super::*;

/// What a comment, a text and a word are made of for PostgreSQL, and statements.
const PIECES: [&str; 30] = [
    " ",
    "\t",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "--",
    "/*",
    "*/",
    "*",
    "/",
    "-",
    "(",
    ")",
    ";",
    "'",
    "\"",
    "$$",
    "\\",
    "E'",
    "select 1",
    "table items",
    "values (1)",
    "with x as (select 1) select 1",
    "set x.y = 'z'",
    "begin",
    "listen x",
];

/// A word of the adapter's rejection.
const REJECTED: &str = "a statement must begin with";

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_read_as_postgresql_reads_them() {
    let test = Test::new().await;
    let mut admin = cluster::connect(&test.granted.database).await;
    admin.execute("set search_path = a").await.expect("set");
    let admin = Mutex::new(admin);
    let config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel(
            "proptest-regressions",
        ))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let pieces = vec(select(&PIECES[..]), 1..10).prop_map(|pieces| pieces.concat());
    let compare = |sql: String| {
        let mut admin = admin.lock().expect("not poisoned");
        Handle::current().block_on(compare(&test, &mut admin, sql))
    };
    let compared = block_in_place(|| TestRunner::new(config).run(&pieces, compare));
    compared.unwrap_or_else(|error| panic!("{error}"));
}

async fn compare(
    test: &Test,
    admin: &mut sqlx::PgConnection,
    sql: String,
) -> Result<(), TestCaseError> {
    match test.fetch(&sql, vec![]).await {
        Err(Error::Invalid(reason)) if reason.contains(REJECTED) => return Ok(()),
        _ => {}
    }
    let mut parse = async |sql: String| {
        let prepared = admin.prepare(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql)));
        prepared.await.is_ok()
    };
    if parse(sql.clone()).await {
        let by_name = parse(format!("prepare p as {sql}")).await;
        prop_assert!(by_name, "{:?}", sql);
    }
    Ok(())
}
