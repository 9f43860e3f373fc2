//! Where documents are kept, and who may see which.

use std::sync::Arc;

use anyhow::Context as _;

use super::{Builder, Shared};
use crate::{
    capabilities::{
        documents::{self, Backend, Collection, Documents, Jsonb, MongoDb, MongoDbSettings},
        health::Target,
        postgres::Pool,
    },
    config,
};

/// The schema and role of the documents that are kept in PostgreSQL.
pub(super) const DOCUMENTS: &str = "documents";

/// Where documents are kept.
#[derive(Debug, Clone)]
pub enum Store {
    /// In tables of PostgreSQL, reached by the pool.
    Jsonb(Jsonb, Pool),
    /// In MongoDB.
    MongoDb(MongoDb),
}

impl Store {
    /// What is kept there, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Jsonb(..) => "in PostgreSQL".to_owned(),
            Self::MongoDb(store) => format!("in MongoDB, {}", store.describe()),
        }
    }

    /// Closes its connections.
    pub async fn close(&self) {
        match self {
            Self::Jsonb(_, pool) => pool.close(),
            Self::MongoDb(store) => store.close().await,
        }
    }

    pub(super) fn target(&self) -> Target {
        match self {
            Self::Jsonb(_, pool) => Target::Postgres(pool.clone()),
            Self::MongoDb(store) => Target::MongoDb(store.clone()),
        }
    }

    /// What keeps them.
    #[must_use]
    pub fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Jsonb(store, _) => Arc::new(store.clone()),
            Self::MongoDb(store) => Arc::new(store.clone()),
        }
    }
}

impl Builder<'_> {
    /// MongoDB if there is one, else PostgreSQL; nothing where nobody is granted a collection.
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
            let store = MongoDb::connect(url, mongodb_settings(&self.settings.mongodb))
                .await
                .context("connecting to MongoDB (`MONGODB_URL`)")?;
            return Ok(Some(Store::MongoDb(store)));
        }
        collections.push(Collection::migrations());
        let pool = self.pool(DOCUMENTS, true, false).await?;
        let backend = Jsonb::new(pool.clone());
        backend
            .ensure_collections(&collections)
            .await
            .context("creating the tables of the collections")?;
        Ok(Some(Store::Jsonb(backend, pool)))
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
        let limits = documents::Limits {
            max_documents: self.settings.documents.max_documents,
            max_bytes: self.settings.documents.max_bytes,
        };
        Ok(Some(Documents::new(
            name,
            store.backend(),
            &collections(grants)?,
            limits,
        )))
    }
}

fn mongodb_settings(settings: &config::MongoDb) -> MongoDbSettings {
    MongoDbSettings {
        connections: settings.connections,
        acquire_timeout: settings.acquire_timeout,
        operation_timeout: settings.operation_timeout,
    }
}

fn collections(grants: &config::Grants) -> Result<Vec<Collection>, documents::InvalidCollection> {
    grants
        .collections
        .iter()
        .map(|name| Collection::new(name))
        .collect()
}
