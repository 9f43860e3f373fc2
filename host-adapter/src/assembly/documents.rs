//! Where documents are kept, and who may see which.

use anyhow::Context as _;

use sqlx::postgres::PgConnectOptions;

use super::{Builder, Shared};
use crate::{
    config::{self, Settings},
    database,
};
use adapter_capabilities::{
    documents::{self, Collection, Documents, Jsonb, MongoDb, Store},
    postgres::{Pool, PostgresSettings},
};

/// The schema and role of the documents that are kept in PostgreSQL.
pub(super) const DOCUMENTS: &str = "documents";

/// Whether the administrator can read a table. NULL if there is no such table.
const READABLE: &str = "select has_table_privilege(to_regclass($1)::oid, 'select')";

/// The document store as it is, to read what is recorded there. It creates nothing. `None` if no component
/// is granted a collection, or if the store has none yet.
///
/// # Errors
///
/// The store does not answer.
pub async fn existing_documents(
    settings: &Settings,
    admin: &PgConnectOptions,
) -> anyhow::Result<Option<Store>> {
    let mut grants = settings.components.values();
    if grants.all(|grants| grants.collections.is_empty()) {
        return Ok(None);
    }
    if let Some(url) = &settings.databases.mongodb {
        let store = MongoDb::connect(url, settings.mongodb)
            .await
            .context("connecting to MongoDB (`MONGODB_URL`)")?;
        return Ok(Some(Store::MongoDb(store)));
    }
    let Some(readable) = is_readable(admin).await? else {
        return Ok(None);
    };
    let options = if readable {
        admin.clone()
    } else {
        let keys = super::keys(settings)?;
        let builder = Builder {
            settings,
            admin,
            keys: &keys,
        };
        builder.existing_options(DOCUMENTS).await?
    };
    let options = options.options([("search_path", DOCUMENTS)]);
    let one = PostgresSettings {
        connections: 1,
        ..settings.postgres
    };
    Ok(Some(Store::Jsonb(Jsonb::new(Pool::new(
        options, &one, 1, DOCUMENTS,
    )?))))
}

/// Whether the administrator can read the applied index migrations. `None` if there are none.
async fn is_readable(admin: &PgConnectOptions) -> anyhow::Result<Option<bool>> {
    let mut connection = database::connect(admin, DOCUMENTS).await?;
    let table = database::quoted(Collection::migrations().as_str());
    let query = sqlx::query_scalar(READABLE).bind(format!("{DOCUMENTS}.{table}"));
    Ok(query.fetch_one(&mut connection).await?)
}

impl Builder<'_> {
    /// MongoDB if it is configured, otherwise PostgreSQL. `None` if no component is granted a collection.
    pub(super) async fn documents(&self) -> anyhow::Result<Option<Store>> {
        let mut collections = self
            .settings
            .components
            .values()
            .map(collections)
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        collections.sort();
        collections.dedup();
        if collections.is_empty() {
            return Ok(None);
        }
        if let Some(url) = &self.settings.databases.mongodb {
            let store = MongoDb::connect(url, self.settings.mongodb)
                .await
                .context("connecting to MongoDB (`MONGODB_URL`)")?;
            return Ok(Some(Store::MongoDb(store)));
        }
        collections.push(Collection::migrations());
        let pool = self.pool(DOCUMENTS, true, false).await?;
        let store = Jsonb::new(pool);
        store
            .ensure_collections(&collections)
            .await
            .context("creating the tables of the collections")?;
        Ok(Some(Store::Jsonb(store)))
    }

    pub(super) fn granted_documents(
        &self,
        name: &str,
        grants: &config::Grants,
        shared: &Shared,
    ) -> anyhow::Result<Option<Documents>> {
        let Some(store) = shared
            .documents
            .as_ref()
            .filter(|_| !grants.collections.is_empty())
        else {
            return Ok(None);
        };
        Ok(Some(Documents::new(
            name,
            store.clone(),
            &collections(grants)?,
            self.settings.documents,
        )))
    }
}

fn collections(grants: &config::Grants) -> Result<Vec<Collection>, documents::InvalidCollection> {
    grants
        .collections
        .iter()
        .map(|name| Collection::new(name))
        .collect()
}
