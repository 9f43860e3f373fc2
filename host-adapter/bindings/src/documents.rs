//! `spindle:adapter/documents`.

use adapter_contract::documents::{Error, Functions, InsertOneOutcome, InsertOutcome, Json, Query};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn insert(
        &self,
        collection: String,
        documents: Vec<Json>,
    ) -> Result<Vec<InsertOutcome>, Error> {
        Ok(self.0.documents()?.insert(&collection, &documents).await?)
    }

    async fn insert_one(
        &self,
        collection: String,
        document: Json,
    ) -> Result<InsertOneOutcome, Error> {
        Ok(self
            .0
            .documents()?
            .insert_one(&collection, &document)
            .await?)
    }

    async fn find(&self, collection: String, query: Query) -> Result<Vec<Json>, Error> {
        Ok(self.0.documents()?.find(&collection, &query).await?)
    }

    async fn count(&self, collection: String, filter: Json) -> Result<u64, Error> {
        Ok(self.0.documents()?.count(&collection, &filter).await?)
    }

    async fn count_by(
        &self,
        collection: String,
        field: String,
        filter: Json,
    ) -> Result<Vec<(Json, u64)>, Error> {
        Ok(self
            .0
            .documents()?
            .count_by(&collection, &field, &filter)
            .await?)
    }

    async fn count_distinct(
        &self,
        collection: String,
        field: String,
        filter: Json,
    ) -> Result<u64, Error> {
        Ok(self
            .0
            .documents()?
            .count_distinct(&collection, &field, &filter)
            .await?)
    }

    async fn update(&self, collection: String, filter: Json, update: Json) -> Result<u64, Error> {
        Ok(self
            .0
            .documents()?
            .update(&collection, &filter, &update)
            .await?)
    }

    async fn remove(&self, collection: String, filter: Json) -> Result<u64, Error> {
        Ok(self.0.documents()?.remove(&collection, &filter).await?)
    }

    async fn settled_position(&self) -> Result<u64, Error> {
        Ok(self.0.documents()?.settled_position().await?)
    }
}
