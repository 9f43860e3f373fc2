//! The document store of this project, opened to be looked at.

use adapter_capabilities::{
    documents::{Collection, Jsonb, MongoDb, Store},
    postgres::{Pool, PostgresSettings},
};

use super::database::Database;
use crate::config::Settings;

/// The schema of documents in PostgreSQL.
const DOCUMENTS: &str = "documents";

/// The document store, which records the applied indexes. `None` if nothing is recorded yet.
pub(super) async fn open(
    database: &mut Database,
    settings: &Settings,
) -> anyhow::Result<Option<Store>> {
    if let Some(url) = &settings.databases.mongodb {
        let store = MongoDb::connect(url, settings.mongodb).await?;
        return Ok(Some(Store::MongoDb(store)));
    }
    let table = format!(
        "{DOCUMENTS}.{}",
        crate::database::quoted(Collection::migrations().as_str())
    );
    let exists = sqlx::query_scalar("select to_regclass($1) is not null").bind(table);
    if !exists.fetch_one(&mut database.connection).await? {
        return Ok(None);
    }
    let options = database.admin.clone().options([("search_path", DOCUMENTS)]);
    let settings = PostgresSettings {
        connections: 1,
        ..settings.postgres
    };
    let pool = Pool::new(options, &settings, 1, "documents")?;
    Ok(Some(Store::Jsonb(Jsonb::new(pool))))
}
