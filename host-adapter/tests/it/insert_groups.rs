//! An insert that arrives while a group of others waits for a lock.

use adapter_capabilities::documents::{Documents, InsertOutcome};
use futures_util::future::join;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::support::{capabilities::Granted, cluster};

/// A busy machine may take long to open a connection.
const SETTINGS: &str = "[postgres]\nacquire_timeout = \"9s\"\nstatement_timeout = \"9s\"\n\
    [components.test]\ncollections = [\"events\"]\n";

async fn insert(documents: &Documents, id: &str) -> InsertOutcome {
    let document = json!({ "_id": id });
    let outcomes = documents.insert("events", &[document.to_string()]).await;
    *outcomes.expect("insert").first().expect("an outcome")
}

/// Stores a document in a transaction, so that inserts of the same `_id` wait for its end.
async fn hold(transaction: &mut PgConnection, id: &str) {
    sqlx::query("insert into documents.events (id, body) values ($1, '{}')")
        .bind(id)
        .execute(transaction)
        .await
        .expect("hold");
}

#[tokio::test]
async fn an_insert_passes_a_group_that_waits_for_a_lock() {
    let granted = Granted::new(SETTINGS).await;
    let capabilities = granted.capabilities_of("test").on_thread(0);
    let documents = capabilities.documents().expect("granted");
    let mut sql = cluster::connect(&granted.database).await;
    let mut holder = sql.begin().await.expect("begin");
    hold(&mut holder, "a").await;
    let (first, ()) = join(insert(documents, "a"), async {
        let mut observer = cluster::connect(&granted.database).await;
        cluster::wait_for_blocked_statement(&mut observer).await;
        assert_eq!(insert(documents, "b").await, InsertOutcome::Inserted);
        holder.rollback().await.expect("rollback");
    })
    .await;
    assert_eq!(first, InsertOutcome::Inserted);
}
