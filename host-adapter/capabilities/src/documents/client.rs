//! Serves a component's calls: grant, then limits and language, then the store.

use std::sync::Arc;

use crate::denied::denied;

use super::{
    Bounds, Collection, Document, Error, Filter, InsertOutcome, Limits, Path, Query, Sort, Store,
    Update,
    limits::{MAX_DOCUMENTS, MAX_SKIP},
};

/// One component's documents.
#[derive(Debug, Clone)]
pub struct Documents {
    component: Arc<str>,
    store: Store,
    granted: Arc<[Collection]>,
    limits: Limits,
}

impl Documents {
    /// The collections in `granted` of `store`, which has created them, for `component`.
    #[must_use]
    pub fn new(component: &str, store: Store, granted: &[Collection], limits: Limits) -> Self {
        Self {
            component: component.into(),
            store,
            granted: granted.into(),
            limits,
        }
    }

    /// The same for the serving thread `number`, with connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            store: self.store.on_thread(number),
            ..self.clone()
        }
    }

    /// Stores documents, each JSON text, and says of each whether it was there already.
    ///
    /// # Errors
    ///
    /// See `documents.insert` in `wit/documents.wit`. `Invalid` and `TooLarge` begin with the
    /// document's position in the list, and then none is stored.
    pub async fn insert(
        &self,
        collection: &str,
        documents: &[String],
    ) -> Result<Vec<InsertOutcome>, Error> {
        let collection = self.granted(collection)?;
        if documents.len() > MAX_DOCUMENTS {
            return Err(Error::TooLarge(format!(
                "an insert has at most {MAX_DOCUMENTS} documents"
            )));
        }
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let parse = |(index, text): (usize, &String)| {
            Document::parse(text).map_err(|error| at(index, error))
        };
        let documents = documents
            .iter()
            .enumerate()
            .map(parse)
            .collect::<Result<_, _>>()?;
        self.store.insert(collection, documents).await
    }

    /// The documents that match, as JSON text.
    ///
    /// # Errors
    ///
    /// See `documents.find` in `wit/documents.wit`.
    pub async fn find(&self, collection: &str, query: &Query) -> Result<Vec<String>, Error> {
        let collection = self.granted(collection)?;
        let filter = Filter::parse(&query.filter)?;
        let sort = Sort::parse(&query.sort)?;
        if query.skip > MAX_SKIP {
            return Err(Error::Invalid(format!("`skip` is at most {MAX_SKIP}")));
        }
        self.store
            .find(
                collection,
                &filter,
                &sort,
                self.bounds(query.skip, query.limit),
            )
            .await
    }

    /// How many documents match.
    ///
    /// # Errors
    ///
    /// See `documents.count` in `wit/documents.wit`.
    pub async fn count(&self, collection: &str, filter: &str) -> Result<u64, Error> {
        let collection = self.granted(collection)?;
        self.store.count(collection, &Filter::parse(filter)?).await
    }

    /// How many matching documents there are per value of `field`, as JSON text.
    ///
    /// # Errors
    ///
    /// See `documents.count-by` in `wit/documents.wit`.
    pub async fn count_by(
        &self,
        collection: &str,
        field: &str,
        filter: &str,
    ) -> Result<Vec<(String, u64)>, Error> {
        let collection = self.granted(collection)?;
        let (field, filter) = (Path::parse(field)?, Filter::parse(filter)?);
        self.store
            .count_by(collection, &field, &filter, self.bounds(0, 0))
            .await
    }

    /// How many different values other than null `field` has in the matching documents.
    ///
    /// # Errors
    ///
    /// See `documents.count-distinct` in `wit/documents.wit`.
    pub async fn count_distinct(
        &self,
        collection: &str,
        field: &str,
        filter: &str,
    ) -> Result<u64, Error> {
        let collection = self.granted(collection)?;
        let (field, filter) = (Path::parse(field)?, Filter::parse(filter)?);
        self.store.count_distinct(collection, &field, &filter).await
    }

    /// Changes all matching documents and says how many matched.
    ///
    /// # Errors
    ///
    /// See `documents.update` in `wit/documents.wit`. After any error some documents may be changed.
    pub async fn update(&self, collection: &str, filter: &str, update: &str) -> Result<u64, Error> {
        let collection = self.granted(collection)?;
        let (filter, update) = (Filter::parse(filter)?, Update::parse(update)?);
        self.store.update(collection, &filter, update).await
    }

    /// Removes all matching documents and says how many there were.
    ///
    /// # Errors
    ///
    /// See `documents.remove` in `wit/documents.wit`.
    pub async fn remove(&self, collection: &str, filter: &str) -> Result<u64, Error> {
        let collection = self.granted(collection)?;
        self.store.remove(collection, &Filter::parse(filter)?).await
    }

    fn granted(&self, name: &str) -> Result<&Collection, Error> {
        let found = self
            .granted
            .iter()
            .find(|collection| collection.as_str() == name);
        found.ok_or_else(|| {
            let what = format!("collection `{}` of `documents`", name.escape_debug());
            Error::Denied(denied(&self.component, &what).to_string())
        })
    }

    fn bounds(&self, skip: u32, limit: u32) -> Bounds {
        let Limits {
            max_documents,
            max_bytes,
        } = self.limits;
        let limit = if limit == 0 {
            max_documents
        } else {
            limit.min(max_documents)
        };
        Bounds {
            skip,
            limit,
            max_bytes,
        }
    }
}

fn at(index: usize, error: Error) -> Error {
    match error {
        Error::Invalid(why) => Error::Invalid(format!("document {index}: {why}")),
        Error::TooLarge(why) => Error::TooLarge(format!("document {index}: {why}")),
        other => other,
    }
}
