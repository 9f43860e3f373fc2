//! The capability `postgres` against a real server: values, limits, transactions, errors.

use adapter_capabilities::{
    Capabilities,
    postgres::{Error, Message, Statement, Value},
};
use sqlx::Executor as _;

use crate::support::{capabilities::Granted, cluster};

const SETTINGS: &str = "[components.a]\npostgres = true\n[components.b]\npostgres = true\n\
    [postgres]\nstatement_timeout = \"500ms\"\nmax_rows = 10\nmax_bytes = \"64KiB\"\n";

struct Test {
    granted: Granted,
    a: Capabilities,
}

impl Test {
    async fn new() -> Self {
        Self::with(SETTINGS).await
    }

    async fn with(settings: &str) -> Self {
        let granted = Granted::new(settings).await;
        let mut admin = cluster::connect(&granted.database).await;
        admin
            .execute(
                "create type a.mood as enum ('glad', 'sad'); \
                 create table a.items (id bigint constraint items_pkey primary key, name text not null \
                     constraint items_name_check check (name <> ''), small smallint, mood a.mood); \
                 grant all on a.items to public",
            )
            .await
            .expect("tables");
        let a = granted.capabilities_of("a");
        Self { granted, a }
    }

    async fn fetch(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Vec<Value>>, Error> {
        self.a
            .postgres()
            .expect("granted")
            .fetch(sql.to_owned(), params)
            .await
            .map(|found| found.rows)
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<u64, Error> {
        self.a
            .postgres()
            .expect("granted")
            .execute(sql.to_owned(), params)
            .await
    }

    async fn transact(&self, statements: Vec<(&str, Vec<Value>)>) -> Result<u64, Error> {
        let statements = statements
            .into_iter()
            .map(|(sql, params)| Statement {
                sql: sql.to_owned(),
                params,
                expected_rows: None,
            })
            .collect();
        self.transact_with(statements, vec![]).await
    }

    async fn transact_with(
        &self,
        statements: Vec<Statement>,
        messages: Vec<Message>,
    ) -> Result<u64, Error> {
        let postgres = self.a.postgres().expect("granted");
        let outcomes = postgres.transact(statements, messages).await?;
        Ok(outcomes.iter().map(|outcome| outcome.affected).sum())
    }

    async fn count_items(&self) -> i64 {
        match self
            .fetch("select count(*) from items", vec![])
            .await
            .expect("count")[0][0]
        {
            Value::Int64(count) => count,
            ref other => panic!("{other:?}"),
        }
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn expect_invalid(result: Result<impl std::fmt::Debug, Error>, word: &str) {
    match result {
        Err(Error::Invalid(reason)) => {
            assert!(reason.contains(word), "`{word}` is not in: {reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_type_of_value_makes_the_round_trip() {
    let test = Test::new().await;
    let values = [
        ("bool", Value::Boolean(true)),
        ("int2", Value::Int64(-32_768)),
        ("int4", Value::Int64(2_147_483_647)),
        ("int8", Value::Int64(i64::MIN)),
        ("float4", Value::Float64(0.5)),
        ("float8", Value::Float64(f64::MAX)),
        ("text", text("naïve 🦀 ' \" \\")),
        ("varchar", text("")),
        ("mood", text("glad")),
        ("bytea", Value::Bytes(vec![0, 255])),
        (
            "uuid",
            Value::Uuid("01a20486-1357-7625-9aef-dbb5be01b257".into()),
        ),
        (
            "timestamptz",
            Value::Timestamp("2026-01-31T12:00:00.000001Z".into()),
        ),
        ("jsonb", Value::Json("{\"a\": [1, null]}".into())),
        ("json", Value::Json("{\"b\":1,\"a\":2}".into())),
    ];
    for (kind, value) in values {
        let rows = test
            .fetch(&format!("select $1::{kind}"), vec![value.clone()])
            .await;
        assert_eq!(rows, Ok(vec![vec![value]]), "{kind}");
        let rows = test
            .fetch(&format!("select $1::{kind}"), vec![Value::Null])
            .await;
        assert_eq!(rows, Ok(vec![vec![Value::Null]]), "{kind}");
    }
    let zoned = Value::Timestamp("2026-01-31T14:00:00+02:00".into());
    let rows = test
        .fetch("select $1::timestamptz", vec![zoned])
        .await
        .expect("rows");
    assert_eq!(
        rows[0][0],
        Value::Timestamp("2026-01-31T12:00:00.000000Z".into())
    );
}

#[tokio::test]
async fn values_of_the_wrong_type_are_reported() {
    let test = Test::new().await;
    expect_invalid(
        test.fetch("select $1::int2", vec![Value::Int64(40_000)])
            .await,
        "`$1`",
    );
    expect_invalid(
        test.fetch("select $1::uuid", vec![text("x")]).await,
        "`UUID`",
    );
    expect_invalid(
        test.fetch("select $1::uuid", vec![Value::Uuid("x".into())])
            .await,
        "`$1`",
    );
    expect_invalid(
        test.fetch("select $1::jsonb", vec![Value::Json("{".into())])
            .await,
        "`$1`",
    );
    expect_invalid(
        test.fetch(
            "select $1::timestamptz",
            vec![Value::Timestamp("today".into())],
        )
        .await,
        "`$1`",
    );
    expect_invalid(test.fetch("select $1::int8", vec![]).await, "1 parameters");
    expect_invalid(test.fetch("select 1.5 as price", vec![]).await, "`price`");
    for number in ["NaN", "-Infinity"] {
        let select = format!("select '{number}'::float8 as ratio");
        expect_invalid(test.fetch(&select, vec![]).await, "`ratio`");
    }
    let infinite = vec![Value::Float64(f64::INFINITY)];
    expect_invalid(test.fetch("select $1::float8", infinite).await, "finite");
    // The connection is still usable after these errors.
    assert_eq!(test.count_items().await, 0);
}

#[tokio::test]
async fn a_violated_constraint_is_named() {
    let test = Test::new().await;
    let insert = "insert into items (id, name) values ($1, $2)";
    assert_eq!(
        test.execute(insert, vec![Value::Int64(1), text("a")]).await,
        Ok(1)
    );
    let violated = |name: &str| Err(Error::ConstraintViolation(name.into()));
    assert_eq!(
        test.execute(insert, vec![Value::Int64(1), text("b")]).await,
        violated("items_pkey")
    );
    assert_eq!(
        test.execute(insert, vec![Value::Int64(2), text("")]).await,
        violated("items_name_check")
    );
    expect_invalid(
        test.execute(insert, vec![Value::Int64(2), Value::Null])
            .await,
        "name",
    );
    expect_invalid(
        test.fetch("select nothing from nowhere", vec![]).await,
        "nowhere",
    );
}

#[tokio::test]
async fn a_transaction_is_atomic() {
    let test = Test::new().await;
    let insert = |id| {
        (
            "insert into items (id, name) values ($1, 'x')",
            vec![Value::Int64(id)],
        )
    };
    assert_eq!(test.transact(vec![insert(1), insert(2)]).await, Ok(2));
    let failed = test.transact(vec![insert(3), insert(1)]).await;
    assert_eq!(failed, Err(Error::ConstraintViolation("items_pkey".into())));
    assert_eq!(test.count_items().await, 2);
    expect_invalid(
        test.transact(vec![insert(4), ("commit", vec![])]).await,
        "`commit`",
    );
    assert_eq!(test.count_items().await, 2);
    let many = (0..51).map(|id| insert(100 + id)).collect();
    assert!(matches!(test.transact(many).await, Err(Error::TooLarge(_))));
    assert_eq!(test.count_items().await, 2);
}

fn message(peer: &str) -> Message {
    Message {
        peer: peer.into(),
        path: "/x".into(),
        body: "{}".into(),
        idempotency_key: "k".into(),
        key: None,
    }
}

fn expecting_rows(rows: u64, sql: &str) -> Statement {
    Statement {
        sql: sql.to_owned(),
        params: vec![],
        expected_rows: Some(rows),
    }
}

#[tokio::test]
async fn an_unexpected_row_count_rolls_back_the_transaction() {
    let settings = SETTINGS.replace("[components.a]", "[components.a]\npeers = [\"b\"]");
    let test = Test::with(&settings).await;
    let insert = expecting_rows(1, "insert into items (id, name) values (1, 'x')");
    let update = |rows| expecting_rows(rows, "update items set name = 'y' where id <= 2");
    for (affected, wrong) in [
        (1, update(2)),
        (1, update(0)),
        (0, expecting_rows(1, "select 1 where false")),
    ] {
        let statements = vec![insert.clone(), wrong];
        let result = test.transact_with(statements, vec![message("b")]).await;
        let statement = 1;
        assert_eq!(
            result,
            Err(Error::UnexpectedRows {
                statement,
                affected
            })
        );
        assert_eq!(test.count_items().await, 0);
    }
    let outbox = test.fetch("select id from outbox", vec![]).await;
    assert_eq!(outbox, Ok(vec![]), "no message is left");
    assert_eq!(
        test.transact_with(vec![insert, update(1)], vec![]).await,
        Ok(2)
    );
}

#[tokio::test]
async fn rows_have_column_names() {
    let test = Test::new().await;
    let postgres = test.a.postgres().expect("granted");
    let select =
        |count: u32| format!("select n as id, 'x' as name from generate_series(1, {count}) n");
    let found = postgres.fetch(select(2), vec![]).await.expect("rows");
    assert_eq!(found.columns, ["id", "name"]);
    assert_eq!(found.rows.len(), 2);
    let none = postgres.fetch(select(0), vec![]).await.expect("rows");
    assert_eq!((none.columns.len(), none.rows.len()), (0, 0));
}

#[tokio::test]
async fn messages_go_to_granted_peers_only() {
    let test = Test::new().await;
    let result = test.transact_with(vec![], vec![message("b")]).await;
    assert!(matches!(result, Err(Error::Denied(_))), "{result:?}");
}

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
    let test = Test::new().await;
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
    let test = Test::with(&SETTINGS.replace("[postgres]", "[postgres]\nconnections = 1")).await;
    let lift = "select set_config('statement_timeout', '0', false)";
    assert_eq!(test.fetch(lift, vec![]).await, Ok(vec![vec![text("0")]]));
    let sleep = "select true from pg_sleep(240)";
    assert_eq!(test.fetch(sleep, vec![]).await, Err(Error::Timeout));
    let mut admin = cluster::connect(&test.granted.database).await;
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
    assert_eq!(setting("statement_timeout").await, [text("500ms")]);
    let idle = setting("idle_in_transaction_session_timeout").await;
    assert_eq!(idle, [text("1s")]);
}

#[tokio::test]
async fn a_component_cannot_keep_adapters_from_starting() {
    let test = Test::with(&SETTINGS.replace("[postgres]", "[postgres]\nmax_adapters = 2")).await;
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
    let mut admin = cluster::connect(&test.granted.database).await;
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
async fn a_call_without_a_free_connection_times_out() {
    let granted = Granted::new(
        "[components.a]\npostgres = true\n[postgres]\nconnections = 1\nacquire_timeout = \"200ms\"\nstatement_timeout = \"5s\"\n",
    )
    .await;
    let a = granted.capabilities_of("a");
    let busy = tokio::spawn({
        let a = a.clone();
        async move {
            a.postgres()
                .expect("granted")
                .fetch("select true from pg_sleep(2)".into(), vec![])
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
