//! Where documents are kept, and who may see which.

use anyhow::Context as _;

use super::{Builder, Shared};
use crate::config;
use adapter_capabilities::documents::{self, Collection, Documents, Jsonb, MongoDb, Store};

/// The schema and role of the documents that are kept in PostgreSQL.
pub(super) const DOCUMENTS: &str = "documents";

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
