//! `spindle:adapter/subject-documents`.

use adapter_contract::{
    subject_documents::{DocumentError, Error, Functions, InsertOutcome, Json},
    tokens::Functions as _,
};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn insert(
        &self,
        token: String,
        collection: String,
        documents: Vec<Json>,
    ) -> Result<Vec<InsertOutcome>, Error> {
        let claims = self.verify(token).await.map_err(Error::Token)?;
        let failed = |error: DocumentError| Error::Document(error);
        let store = self.0.documents().map_err(|error| failed(error.into()))?;
        let inserted = store.insert_for(&claims.subject, &collection, &documents);
        inserted.await.map_err(|error| failed(error.into()))
    }
}
