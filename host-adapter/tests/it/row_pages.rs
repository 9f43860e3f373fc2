//! Pages of rows, listed by the guest `ledger`.

use rstest::rstest;
use serde_json::Value;
use sqlx::{Executor as _, PgConnection, Row as _};
use tempfile::TempDir;

use crate::support::{App, Builder, HostMode, copy};

const TABLES: &str = "create table entries (
    id uuid primary key default gen_random_uuid(), topic text not null,
    made_at timestamptz not null, text text not null)";

async fn start(mode: HostMode) -> (App, TempDir) {
    let project = copy::application();
    let routes = ["/api/v1/entries/...", "/services/ledger/..."];
    copy::add_component(project.path(), "ledger", &routes);
    copy::add_tables(project.path(), "ledger", TABLES);
    let builder = Builder::new(mode).project(project.path(), &["app"]);
    (builder.start().await, project)
}

/// Returns the page at a query, and the query of the next page.
async fn fetch_page(app: &App, query: &str) -> (Vec<Value>, Option<String>) {
    let path = format!("/api/v1/entries?{query}");
    let page = app.get(&path).send().await.expect(200).json();
    let items = page["data"]["items"].as_array().expect("items").clone();
    let next = page["data"]["next"].as_str();
    let first = query.split("&cursor=").next().expect("a query");
    (items, next.map(|next| format!("{first}&cursor={next}")))
}

async fn run(sql: &mut PgConnection, statement: &'static str) {
    sql.execute(statement).await.expect("a statement");
}

/// Returns the texts of all entries on the topic `listed`, in the order of their list.
async fn texts_in_order(sql: &mut PgConnection) -> Vec<String> {
    let statement = "select text from ledger.entries where topic = 'listed'
        order by made_at desc, id desc";
    let rows = sql.fetch_all(statement).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

#[rstest]
#[tokio::test]
async fn pages_of_rows_stay_complete_while_rows_are_added(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let (app, _project) = start(mode).await;
    let mut sql = app.admin_connection().await;
    // Four rows share each timestamp, so that pages end between them. The next timestamp is a
    // microsecond later, so that a cursor without microseconds would skip or repeat rows.
    run(
        &mut sql,
        "insert into ledger.entries (topic, made_at, text)
         select topic, timestamptz '2026-01-31 12:00:00.999998Z' + n / 4 * interval '1 microsecond',
             topic || n
         from generate_series(0, 15) n, unnest(array['listed', 'other']) topic",
    )
    .await;
    let mut expected = texts_in_order(&mut sql).await;
    let (mut seen, mut query) = (Vec::new(), Some("topic=listed&limit=3".to_owned()));
    while let Some(this) = query {
        let (items, next) = fetch_page(&app, &this).await;
        assert!(items.len() <= 3, "{items:?}");
        seen.extend(items);
        query = next;
        // Both come before the place of the cursor: one is newer, and the other has the largest id
        // of the rows with the newest timestamp.
        run(
            &mut sql,
            "insert into ledger.entries (id, topic, made_at, text) values
                 (gen_random_uuid(), 'listed', now(), 'newer'),
                 (overlay(gen_random_uuid()::text placing 'ffffffff' from 1)::uuid, 'listed',
                     '2026-01-31 12:00:01.000001Z', 'larger id')",
        )
        .await;
        // It comes after the place of the cursor.
        if seen.len() == 3 {
            run(
                &mut sql,
                "insert into ledger.entries (topic, made_at, text)
                 values ('listed', '2026-01-31 11:00:00Z', 'older')",
            )
            .await;
            expected.push("older".to_owned());
        }
    }
    let texts: Vec<&str> = seen
        .iter()
        .filter_map(|entry| entry["text"].as_str())
        .collect();
    assert_eq!(texts, expected);
    let newest = "2026-01-31T12:00:01.000001Z";
    assert_eq!(seen[0]["made_at"], newest);
}

#[rstest]
#[tokio::test]
async fn a_page_of_large_rows_ends_early(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let (app, _project) = start(mode).await;
    let mut sql = app.admin_connection().await;
    // A page has at most 512 KiB, but at least one row.
    run(
        &mut sql,
        "insert into ledger.entries (topic, made_at, text)
         select 'listed', timestamptz '2026-01-31 12:00Z' - n * interval '1 day', repeat('x', kib * 1024)
         from unnest(array[600, 200, 200, 200]) with ordinality as sizes (kib, n)",
    )
    .await;
    let (mut pages, mut query) = (Vec::new(), Some("topic=listed&limit=100".to_owned()));
    while let Some(this) = query {
        let (items, next) = fetch_page(&app, &this).await;
        let kib = |entry: &Value| entry["text"].as_str().map(|text| text.len() / 1024);
        pages.push(items.iter().filter_map(kib).collect::<Vec<_>>());
        query = next;
    }
    assert_eq!(pages, [vec![600], vec![200, 200], vec![200]]);
}
