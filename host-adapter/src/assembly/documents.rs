//! Where documents are kept, and who may see which.

use std::sync::Arc;

use anyhow::Context as _;

use super::{Builder, Shared};
use crate::{
    capabilities::{
        documents::{self, Backend, Collection, Documents, Jsonb},
        postgres::Pool,
    },
    config,
};

/// The schema and role of the documents that are kept in PostgreSQL.
pub(super) const DOCUMENTS: &str = "documents";

impl Builder<'_> {
    pub(super) async fn documents(&self) -> anyhow::Result<Option<(Arc<dyn Backend>, Pool)>> {
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
        let pool = self.pool(DOCUMENTS, true, false).await?;
        let backend = Jsonb::new(pool.clone());
        backend
            .ensure_collections(&collections)
            .await
            .context("creating the tables of the collections")?;
        Ok(Some((Arc::new(backend), pool)))
    }

    pub(super) fn granted_documents(
        &self,
        name: &str,
        grants: &config::Grants,
        shared: &Shared,
    ) -> anyhow::Result<Option<Documents>> {
        let Some((backend, _)) = shared
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
            backend.clone(),
            &collections(grants)?,
            limits,
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
