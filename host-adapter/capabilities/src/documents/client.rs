//! Serves a component's calls: checks the grant, parses and validates the arguments, then calls the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{Instrument as _, field::Empty};

use crate::{denied::denied, metrics::METRICS};

use super::{
    Bounds, Collection, Document, Error, Filter, InsertOneOutcome, InsertOutcome, Limits, Path,
    Query, Sort, Store, Update,
    groups::Groups,
    limits::{MAX_DOCUMENTS, MAX_SKIP},
};

/// Maximum number of counts of a component that run at the same time on one serving thread. A count may read
/// a whole collection, so with more, counts could use all connections and keep documents from being stored.
/// It is a quarter of the connections that each of two threads has by default.
const MAX_COUNTS: usize = 2;

/// How long a count waits for others to end before it is `unavailable`: as long as a call waits for a
/// connection by default.
const COUNT_TIMEOUT: Duration = Duration::from_secs(2);

/// A component's access to the document store.
#[derive(Debug, Clone)]
pub struct Documents {
    component: Arc<str>,
    store: Store,
    granted: Arc<[Collection]>,
    limits: Limits,
    groups: Groups,
    /// Limits the counts that run at the same time.
    counts: Arc<Semaphore>,
}

impl Documents {
    /// Gives `component` access to the `granted` collections of `store`, which must exist.
    #[must_use]
    pub fn new(component: &str, store: Store, granted: &[Collection], limits: Limits) -> Self {
        Self {
            component: component.into(),
            store,
            granted: granted.into(),
            limits,
            groups: Groups::default(),
            counts: Arc::new(Semaphore::new(MAX_COUNTS)),
        }
    }

    /// Returns a client for the serving thread `number` that uses the connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            store: self.store.on_thread(number),
            groups: Groups::default(),
            counts: Arc::new(Semaphore::new(MAX_COUNTS)),
            ..self.clone()
        }
    }

    /// Stores documents, given as JSON text, and returns for each whether it was stored.
    ///
    /// # Errors
    ///
    /// See `documents.insert` in `wit/documents.wit`. If the text of an
    /// `Invalid` or `TooLarge` begins with the position of a document, no document was stored.
    pub async fn insert(
        &self,
        collection: &str,
        documents: &[String],
    ) -> Result<Vec<InsertOutcome>, Error> {
        self.insert_parsed(collection, documents, Document::parse)
            .await
    }

    /// Stores documents of the subject of a token, whose `{"$subject": true}` is `subject`.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Self::insert).
    pub async fn insert_for(
        &self,
        subject: &str,
        collection: &str,
        documents: &[String],
    ) -> Result<Vec<InsertOutcome>, Error> {
        let parse = |text: &str| Document::parse_for(subject, text);
        self.insert_parsed(collection, documents, parse).await
    }

    async fn insert_parsed(
        &self,
        collection: &str,
        documents: &[String],
        parse: impl Fn(&str) -> Result<Document, Error>,
    ) -> Result<Vec<InsertOutcome>, Error> {
        let collection = self.check_grant(collection)?;
        if documents.len() > MAX_DOCUMENTS {
            return Err(Error::TooLarge(format!(
                "an insert has at most {MAX_DOCUMENTS} documents"
            )));
        }
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let parse = |(index, text): (usize, &String)| {
            parse(text).map_err(|error| with_position(index, error))
        };
        let documents = documents
            .iter()
            .enumerate()
            .map(parse)
            .collect::<Result<_, _>>()?;
        self.observe(
            "insert",
            collection,
            self.groups.insert(&self.store, collection, documents),
        )
        .await
    }

    /// Stores a document, given as JSON text, unless another call is storing one with its `_id`.
    ///
    /// # Errors
    ///
    /// See `documents.insert-one` in `wit/documents.wit`.
    pub async fn insert_one(
        &self,
        collection: &str,
        document: &str,
    ) -> Result<InsertOneOutcome, Error> {
        let collection = self.check_grant(collection)?;
        let document = Document::parse(document)?;
        let inserted = self.store.insert_one(collection, document);
        self.observe("insert", collection, inserted).await
    }

    /// Returns the matching documents as JSON text.
    ///
    /// # Errors
    ///
    /// See `documents.find` in `wit/documents.wit`.
    pub async fn find(&self, collection: &str, query: &Query) -> Result<Vec<String>, Error> {
        let collection = self.check_grant(collection)?;
        let filter = Filter::parse(&query.filter)?;
        let sort = Sort::parse(&query.sort)?;
        if query.skip > MAX_SKIP {
            return Err(Error::Invalid(format!("`skip` is at most {MAX_SKIP}")));
        }
        let bounds = self.bounds(query.skip, query.limit);
        let found = self.store.find(collection, &filter, &sort, bounds);
        self.observe("find", collection, found).await
    }

    /// Counts the matching documents.
    ///
    /// # Errors
    ///
    /// See `documents.count` in `wit/documents.wit`.
    pub async fn count(&self, collection: &str, filter: &str) -> Result<u64, Error> {
        let collection = self.check_grant(collection)?;
        let filter = Filter::parse(filter)?;
        let _turn = self.wait_to_count().await?;
        let counted = self.store.count(collection, &filter);
        self.observe("count", collection, counted).await
    }

    /// Counts the matching documents per value of `field`. The values are JSON text.
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
        let collection = self.check_grant(collection)?;
        let (field, filter) = (Path::parse(field)?, Filter::parse(filter)?);
        let bounds = self.bounds(0, 0);
        let _turn = self.wait_to_count().await?;
        let counted = self.store.count_by(collection, &field, &filter, bounds);
        self.observe("count-by", collection, counted).await
    }

    /// Counts the different non-null values of `field` in the matching documents.
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
        let collection = self.check_grant(collection)?;
        let (field, filter) = (Path::parse(field)?, Filter::parse(filter)?);
        let _turn = self.wait_to_count().await?;
        let counted = self.store.count_distinct(collection, &field, &filter);
        self.observe("count-distinct", collection, counted).await
    }

    /// Changes all matching documents and returns how many matched.
    ///
    /// # Errors
    ///
    /// See `documents.update` in `wit/documents.wit`. After an error some of the
    /// documents may be changed.
    pub async fn update(&self, collection: &str, filter: &str, update: &str) -> Result<u64, Error> {
        let collection = self.check_grant(collection)?;
        let (filter, update) = (Filter::parse(filter)?, Update::parse(update)?);
        let updated = self.store.update(collection, &filter, update);
        self.observe("update", collection, updated).await
    }

    /// Removes all matching documents and returns how many were removed.
    ///
    /// # Errors
    ///
    /// See `documents.remove` in `wit/documents.wit`.
    pub async fn remove(&self, collection: &str, filter: &str) -> Result<u64, Error> {
        let collection = self.check_grant(collection)?;
        let filter = Filter::parse(filter)?;
        let removed = self.store.remove(collection, &filter);
        self.observe("remove", collection, removed).await
    }

    /// Returns a position up to which every document is stored or never will be.
    ///
    /// # Errors
    ///
    /// See `documents.settled-position` in `wit/documents.wit`.
    pub async fn settled_position(&self) -> Result<u64, Error> {
        self.store.settled_position().await
    }

    /// Waits until fewer than [`MAX_COUNTS`] counts run.
    async fn wait_to_count(&self) -> Result<SemaphorePermit<'_>, Error> {
        let turn = tokio::time::timeout(COUNT_TIMEOUT, self.counts.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            Error::Unavailable("too many documents are being counted; try again later".to_owned())
        })
    }

    /// Measures an operation, and runs it in a span.
    async fn observe<T>(
        &self,
        operation: &'static str,
        collection: &Collection,
        run: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (system, collection) = (self.store.system(), collection.as_str());
        let span = adapter_telemetry::recorded_span!(
            "documents",
            otel.name = format!("{operation} {collection}"),
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = system,
            db.operation.name = operation,
            db.collection.name = collection,
        );
        let start = Instant::now();
        let result = run.instrument(span.clone()).await;
        let took = start.elapsed();
        METRICS.document_operation(system, &self.component, operation, collection, took);
        if result.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        result
    }

    fn check_grant(&self, name: &str) -> Result<&Collection, Error> {
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

/// Prefixes the text with the position of the document.
fn with_position(index: usize, error: Error) -> Error {
    match error {
        Error::Invalid(reason) => Error::Invalid(format!("document {index}: {reason}")),
        Error::TooLarge(reason) => Error::TooLarge(format!("document {index}: {reason}")),
        other => other,
    }
}
