//! What a component cannot exceed, change or reach in PostgreSQL.

use super::*;

#[tokio::test]
async fn results_above_the_limits_are_rejected() {
    let test = Test::new().await;
    let series = "select * from generate_series(1, $1::int8)";
    assert_eq!(
        test.fetch(series, vec![Value::Int64(10)])
            .await
            .map(|rows| rows.len()),
        Ok(10)
    );
    assert!(matches!(
        test.fetch(series, vec![Value::Int64(11)]).await,
        Err(Error::TooLarge(_))
    ));
    let long = "select repeat('x', $1::int4)";
    assert!(test.fetch(long, vec![Value::Int64(65_536)]).await.is_ok());
    assert!(matches!(
        test.fetch(long, vec![Value::Int64(65_537)]).await,
        Err(Error::TooLarge(_))
    ));
    assert_eq!(test.count_items().await, 0);
}

#[tokio::test]
async fn slow_statements_are_cancelled() {
    let test = Test::with(&SETTINGS.replace("[postgres]", SHORT)).await;
    let sleep = "select true from pg_sleep(60)";
    assert_eq!(test.fetch(sleep, vec![]).await, Err(Error::Timeout));
    assert_eq!(
        test.transact(vec![
            ("insert into items values (1, 'x')", vec![]),
            (sleep, vec![])
        ])
        .await,
        Err(Error::Timeout)
    );
    assert_eq!(test.count_items().await, 0);
}

#[tokio::test]
async fn a_component_cannot_lift_its_time_limit() {
    let single = format!("{SHORT}\nconnections = 1");
    let test = Test::with(&SETTINGS.replace("[postgres]", &single)).await;
    // As on a server whose superuser has not revoked it.
    let mut admin = cluster::connect(&test.granted.database).await;
    let grant = "grant execute on function set_config(text, text, boolean) to public";
    admin.execute(grant).await.expect("granted");
    let lift = "select set_config('statement_timeout', '0', false)";
    assert_eq!(test.fetch(lift, vec![]).await, Ok(vec![vec![text("0")]]));
    let sleep = "select true from pg_sleep(240)";
    assert_eq!(test.fetch(sleep, vec![]).await, Err(Error::Timeout));
    crate::support::until("the end of the statement", async || {
        let running = "select count(*) from pg_stat_activity \
             where query = $1 and state = 'active' and datname = current_database()";
        let running = sqlx::query_scalar::<_, i64>(running).bind(sleep);
        (running.fetch_one(&mut admin).await.expect("a count") == 0).then_some(())
    })
    .await;
    let setting = async |name: &str| {
        let select = format!("select current_setting('{name}')");
        test.fetch(&select, vec![]).await.expect("a row").concat()
    };
    assert_eq!(setting("statement_timeout").await, [text("2s")]);
    let idle = setting("idle_in_transaction_session_timeout").await;
    assert_eq!(idle, [text("2500ms")]);
}

#[tokio::test]
async fn a_component_cannot_keep_adapters_from_starting() {
    let test = Test::with(&SETTINGS.replace("[postgres]", "[postgres]\nmax_adapters = 2")).await;
    // As on a server whose superuser has not revoked it.
    let mut admin = cluster::connect(&test.granted.database).await;
    let grant = "grant execute on function pg_advisory_lock(bigint) to public";
    admin.execute(grant).await.expect("granted");
    // The keys by which adapters locked before.
    let take = "select pg_advisory_lock(key) is null \
         from (values (hashtext('spindle provision')::int8), (8318264434605450596), \
             (8315179226536832627)) as keys (key)";
    let taken = test.fetch(take, vec![]).await.expect("taken");
    assert_eq!(taken.len(), 3);
    let settings = "[components.a]\npostgres = true\ntokens = [\"issue\"]\ncollections = [\"c\"]\n";
    let second = Granted::on_database(settings, &test.granted.database).await;
    let second = second.capabilities_of("a");
    let postgres = second.postgres().expect("granted");
    let rows = postgres.fetch("select true".into(), vec![]).await;
    assert_eq!(rows.expect("rows").rows.len(), 1);
    expect_invalid(
        test.fetch("table spindle.lock_provision", vec![]).await,
        "permission denied",
    );
    let limit = "select rolconnlimit from pg_roles where rolname = current_database() || '_a'";
    let limit: i32 = sqlx::query_scalar(limit)
        .fetch_one(&mut admin)
        .await
        .expect("a role");
    // The second adapter has the defaults: four adapters with 16 connections and some more.
    assert_eq!(limit, 4 * (16 + 5));
}

#[tokio::test]
async fn statements_that_change_the_session_are_rejected() {
    let test = Test::new().await;
    for sql in [
        "set search_path = b",
        "begin",
        "listen x",
        // PostgreSQL ends the comment at the carriage return.
        "--\rset x.y = 'z' /*\nselect 1 */",
        "--\rcopy items to stdout /*\nselect 1 */",
        "create table t (id int)",
        "select 1; select 2",
    ] {
        assert!(
            matches!(test.execute(sql, vec![]).await, Err(Error::Invalid(_))),
            "{sql}"
        );
    }
    expect_invalid(
        test.execute("select 1 as x into temporary t", vec![]).await,
        "permission denied",
    );
}

#[tokio::test]
async fn a_read_only_server_is_left_for_a_writable_one() {
    let test = Test::new().await;
    let mut admin = cluster::connect(&test.granted.database).await;
    let read_only = |value: &str| {
        let set = format!("alter role %I set default_transaction_read_only = {value}");
        format!("do $$ begin execute format('{set}', current_database() || '_a'); end $$")
    };
    let insert = "insert into items (id, name) values (1, 'x')";
    admin
        .execute(sqlx::AssertSqlSafe(read_only("on")))
        .await
        .expect("set");
    let refused = test.execute(insert, vec![]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    // Only a new connection notices that the server can be written to again.
    admin
        .execute(sqlx::AssertSqlSafe(read_only("off")))
        .await
        .expect("set");
    assert_eq!(test.execute(insert, vec![]).await, Ok(1));
}

#[tokio::test]
async fn sql_cannot_reach_tables_of_another_component() {
    let test = Test::new().await;
    let b = test.granted.capabilities_of("b");
    let b = b.postgres().expect("granted");
    for sql in [
        "select * from a.items",
        "insert into a.items values (1, 'x')",
        "select * from pg_catalog.pg_authid",
        "select pg_read_file('/etc/passwd')",
        "select * from spindle.migrations_a",
        "table a.items",
    ] {
        expect_invalid(b.fetch(sql.to_owned(), vec![]).await, "permission denied");
    }
    // A component cannot change its own schema either.
    expect_invalid(
        test.fetch("select 1 as x into items_2", vec![]).await,
        "permission denied",
    );
    // Large objects belong to no schema.
    for sql in [
        "select lo_create(0)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, '\\x00')",
    ] {
        expect_invalid(b.fetch(sql.to_owned(), vec![]).await, "permission denied");
    }
    // A function cannot change the role either.
    let escape =
        "select set_config('role', (select rolname from pg_roles where rolsuper limit 1), false)";
    assert!(matches!(
        b.fetch(escape.to_owned(), vec![]).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn an_administrator_need_not_be_superuser() {
    let database = cluster::database_without_superuser().await;
    let granted = Granted::on_database(SETTINGS, &database).await;
    let a = granted.capabilities_of("a");
    let postgres = a.postgres().expect("granted");
    // Only a superuser can take this from the role. The adapter has warned of it.
    let change = "select set_config('work_mem', '1MB', false)";
    let changed = postgres.fetch(change.into(), vec![]).await;
    assert!(changed.is_ok(), "{changed:?}");
    let temporary = "select 1 as x into temporary t";
    expect_invalid(
        postgres.fetch(temporary.into(), vec![]).await,
        "permission denied",
    );
}

#[tokio::test]
async fn a_call_without_a_free_connection_times_out() {
    let granted = Granted::new(
        "[components.a]\npostgres = true\n[postgres]\nconnections = 1\nacquire_timeout = \"200ms\"\nstatement_timeout = \"5s\"\n",
    )
    .await;
    let a = granted.capabilities_of("a");
    crate::support::until("the connection", async || {
        // A busy machine may take longer than the limit to open it.
        let postgres = a.postgres().expect("granted");
        postgres.fetch("select true".into(), vec![]).await.ok()
    })
    .await;
    let busy = tokio::spawn({
        let a = a.clone();
        async move {
            a.postgres()
                .expect("granted")
                .fetch("select true from pg_sleep(4)".into(), vec![])
                .await
        }
    });
    crate::support::until("the connection to be busy", async || {
        let result = a
            .postgres()
            .expect("granted")
            .fetch("select true".into(), vec![])
            .await;
        matches!(result, Err(Error::Unavailable(_))).then_some(())
    })
    .await;
    assert_eq!(
        busy.await.expect("join").map(|found| found.rows),
        Ok(vec![vec![Value::Boolean(true)]])
    );
}
