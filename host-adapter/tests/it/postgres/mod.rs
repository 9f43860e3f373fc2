//! The capability `postgres` against a real server: values, transactions, errors, and in [`limits`] what
//! bounds a component, and in [`fuzz`] what it may run.

mod fuzz;
mod limits;

use adapter_capabilities::{
    Capabilities,
    postgres::{Error, Message, Statement, Value},
};
use sqlx::Executor as _;

use crate::support::{capabilities::Granted, cluster};

const SETTINGS: &str = "[components.a]\npostgres = true\n[components.b]\npostgres = true\n\
    [postgres]\nmax_rows = 10\nmax_bytes = \"64KiB\"\n";

/// A short limit of statements, which a busy machine does not exceed.
const SHORT: &str = "[postgres]\nstatement_timeout = \"2s\"";

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
