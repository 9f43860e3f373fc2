//! Inserts that are written together, and one that waits for a lock.

use adapter_capabilities::documents::{Documents, InsertOutcome};
use futures_util::{
    future::{join, join_all},
    poll,
};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::support::{capabilities::Granted, cluster, until};

/// A busy machine may take long to open a connection.
const SETTINGS: &str = "[postgres]\nacquire_timeout = \"9s\"\nstatement_timeout = \"9s\"\n\
    [components.test]\ncollections = [\"events\"]\n";

async fn insert(documents: &Documents, id: &str) -> InsertOutcome {
    let document = json!({ "_id": id, "at": { "$position": true } });
    let outcomes = documents.insert("events", &[document.to_string()]).await;
    *outcomes.expect("insert").first().expect("an outcome")
}

fn on_thread(granted: &Granted, number: usize) -> Documents {
    let capabilities = granted.capabilities_of("test").on_thread(number);
    capabilities.documents().expect("granted").clone()
}

/// Stores documents in a transaction, so that inserts of the same `_id` wait for its end.
async fn hold(transaction: &mut PgConnection, ids: &[&str]) {
    sqlx::query("insert into documents.events (id, body) select id, '{}' from unnest($1) as id")
        .bind(ids)
        .execute(transaction)
        .await
        .expect("hold");
}

async fn until_blocked(granted: &Granted, number: i64) {
    let mut sql = cluster::connect(&granted.database).await;
    until("blocked inserts", async || {
        let waiting = "select count(*) from pg_locks where not granted and locktype = 'transactionid' \
            and pid in (select pid from pg_stat_activity where datname = current_database())";
        let found: i64 = sqlx::query_scalar(waiting).fetch_one(&mut sql).await.ok()?;
        (found == number).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_insert_passes_a_group_that_waits_for_a_lock() {
    let granted = Granted::new(SETTINGS).await;
    let documents = on_thread(&granted, 0);
    let mut sql = cluster::connect(&granted.database).await;
    let mut holder = sql.begin().await.expect("begin");
    hold(&mut holder, &["a"]).await;
    let (first, ()) = join(insert(&documents, "a"), async {
        until_blocked(&granted, 1).await;
        assert_eq!(insert(&documents, "b").await, InsertOutcome::Inserted);
        holder.rollback().await.expect("rollback");
    })
    .await;
    assert_eq!(first, InsertOutcome::Inserted);
}

#[tokio::test]
async fn serving_threads_write_their_inserts_together() {
    const INSERTS: usize = 20;
    let granted = Granted::new(SETTINGS).await;
    let threads = [on_thread(&granted, 0), on_thread(&granted, 1)];
    let [one, other] = &threads;
    let mut sql = cluster::connect(&granted.database).await;
    let mut holder = sql.begin().await.expect("begin");
    hold(&mut holder, &["a", "b"]).await;
    let names: Vec<_> = (0..INSERTS)
        .map(|number| format!("later-{number}"))
        .collect();
    let later = async {
        until_blocked(&granted, 2).await;
        let inserts = names.iter().zip(threads.iter().cycle());
        let mut inserts = Box::pin(join_all(inserts.map(|(id, thread)| insert(thread, id))));
        assert!(poll!(&mut inserts).is_pending());
        holder.rollback().await.expect("rollback");
        inserts.await
    };
    // Two groups are written at the same time. The first one must not have both documents.
    let (_, (_, outcomes)) = join(insert(one, "a"), async {
        until_blocked(&granted, 1).await;
        join(insert(other, "b"), later).await
    })
    .await;
    assert_eq!(outcomes, vec![InsertOutcome::Inserted; INSERTS]);
    // Documents of one group have one position.
    let positions =
        "select count(distinct body -> 'at') from documents.events where id like 'later-%'";
    let positions: i64 = sqlx::query_scalar(positions)
        .fetch_one(&mut sql)
        .await
        .expect("count");
    assert_eq!(positions, 1);
}
