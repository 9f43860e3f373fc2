//! Documents as serde types; the contract is `wit/documents.wit`.
//!
//! ```ignore
//! const ACTIVITIES: Collection<Activity> = Collection::new("activities");
//!
//! let recent = ACTIVITIES.find(eq("user_id", id).and(gte("at", yesterday))).fetch_all().await?;
//! ```

pub mod filter;
mod find;
mod subject;
mod update;

use std::marker::PhantomData;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Failure;
use crate::adapter::documents::{self, InsertOneOutcome, InsertOutcome};

pub use filter::Filter;
pub use find::Find;
pub use subject::subject;
pub use update::Update;

/// Maximum number of documents that one call inserts; see `wit/documents.wit`.
const MAX_INSERT: usize = 1_000;

/// Returns the value of the field that gets a document's position when the document is stored.
#[must_use]
pub fn position() -> Value {
    json!({"$position": true})
}

/// Returns a position up to which every document is stored or never will be.
///
/// # Errors
/// If the adapter or the document store does not answer.
pub async fn settled_position() -> Result<u64, Failure> {
    Ok(documents::settled_position().await?)
}

/// How many documents have each value, as JSON text, once they are counted.
type Counted = Pin<Box<dyn Future<Output = Result<Vec<(String, u64)>, Failure>>>>;

/// A collection whose documents are read as `T`.
#[derive(Debug)]
pub struct Collection<T> {
    name: &'static str,
    item: PhantomData<fn() -> T>,
}

impl<T> Collection<T> {
    /// Creates a handle for the collection of this name, which the component must be granted.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let item = PhantomData;
        Self { name, item }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the same collection, whose documents are read as another type.
    #[must_use]
    pub const fn read_as<U>(&self) -> Collection<U> {
        Collection::new(self.name)
    }

    /// Stores a document, which must have an `_id`. Returns false and changes nothing if a document
    /// with the same `_id` exists.
    ///
    /// # Errors
    /// If the document cannot be written or stored.
    pub async fn insert(&self, document: &impl Serialize) -> Result<bool, Failure> {
        let document = to_json(document)?;
        let outcomes = documents::insert(self.name.to_owned(), vec![document]).await?;
        Ok(outcomes.first() == Some(&InsertOutcome::Inserted))
    }

    /// The same for a request that may be repeated while it runs. Returns `None` if another call is storing a document
    /// with the same `_id`.
    ///
    /// # Errors
    /// If the document cannot be written or stored.
    pub async fn insert_unless_in_progress(
        &self,
        document: &impl Serialize,
    ) -> Result<Option<bool>, Failure> {
        let document = to_json(document)?;
        let outcome = documents::insert_one(self.name.to_owned(), document).await?;
        Ok(match outcome {
            InsertOneOutcome::Inserted => Some(true),
            InsertOneOutcome::Duplicate => Some(false),
            InsertOneOutcome::InProgress => None,
        })
    }

    /// Stores at most 1,000 documents, and returns for each whether it was stored. A document is not stored
    /// if one with the same `_id` exists, or comes before it.
    ///
    /// # Errors
    /// If a document cannot be written or stored. Any number of them may be stored then; repeating the
    /// call is safe.
    pub async fn insert_each(&self, documents: &[impl Serialize]) -> Result<Vec<bool>, Failure> {
        let documents = documents.iter().map(to_json).collect::<Result<_, _>>()?;
        let outcomes = documents::insert(self.name.to_owned(), documents).await?;
        let stored = |outcome| outcome == InsertOutcome::Inserted;
        Ok(outcomes.into_iter().map(stored).collect())
    }

    /// Stores documents, except those whose `_id` exists already. After an error, any number of them
    /// may be stored. Repeating the call is safe.
    ///
    /// # Errors
    /// If a document cannot be written or stored.
    pub async fn insert_all(
        &self,
        documents: impl IntoIterator<Item = impl Serialize>,
    ) -> Result<(), Failure> {
        let documents = documents.into_iter().map(|document| to_json(&document));
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        for documents in documents.chunks(MAX_INSERT) {
            documents::insert(self.name.to_owned(), documents.to_vec()).await?;
        }
        Ok(())
    }

    /// Begins a query of the documents that match.
    pub fn find(&self, filter: Filter) -> Find<T> {
        Find::new(self.name, filter)
    }

    /// Changes all documents that match, and returns how many matched.
    ///
    /// # Errors
    /// If the update is not valid or fails.
    pub async fn update(&self, filter: Filter, update: Update) -> Result<u64, Failure> {
        let (name, update) = (self.name.to_owned(), update.into_json()?);
        Ok(documents::update(name, filter.into_json(), update).await?)
    }

    /// Counts the documents that match.
    ///
    /// # Errors
    /// If they cannot be counted.
    pub async fn count(&self, filter: Filter) -> Result<u64, Failure> {
        Ok(documents::count(self.name.to_owned(), filter.into_json()).await?)
    }

    /// Counts the documents that match, per value of `field`, and returns the most frequent values
    /// first. The number of values is limited to the adapter's `max_documents` (1,000 or more). `V`
    /// must be an `Option` if the field may be null or missing.
    ///
    /// # Errors
    /// If they cannot be counted, or a value cannot be read as `V`.
    pub async fn count_by<V: DeserializeOwned>(
        &self,
        field: &str,
        filter: Filter,
    ) -> Result<Vec<(V, u64)>, Failure> {
        let counted = self.count_texts(field.to_owned(), filter).await?;
        let read = |(value, count): (String, u64)| Ok((from_json(self.name, &value)?, count));
        counted.into_iter().map(read).collect()
    }

    /// In a box, so that a component contains this code once and not for each type of value.
    fn count_texts(&self, field: String, filter: Filter) -> Counted {
        let name = self.name.to_owned();
        Box::pin(async move { Ok(documents::count_by(name, field, filter.into_json()).await?) })
    }

    /// Counts the different values of `field` in the documents that match. Null is not counted.
    ///
    /// # Errors
    /// If they cannot be counted.
    pub async fn count_distinct(&self, field: &str, filter: Filter) -> Result<u64, Failure> {
        let (name, field) = (self.name.to_owned(), field.to_owned());
        Ok(documents::count_distinct(name, field, filter.into_json()).await?)
    }

    /// Deletes all documents that match, and returns how many there were.
    ///
    /// # Errors
    /// If they cannot be deleted.
    pub async fn remove(&self, filter: Filter) -> Result<u64, Failure> {
        Ok(documents::remove(self.name.to_owned(), filter.into_json()).await?)
    }
}

fn to_json(document: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(document)
        .map_err(|error| Failure::internal(format!("writing a document: {error}")))
}

fn from_json<T: DeserializeOwned>(collection: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::internal(format!("reading from `{collection}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_names_the_collection() {
        assert_eq!(from_json::<Option<String>>("events", "null"), Ok(None));
        let text = from_json("events", r#""search""#);
        assert_eq!(text, Ok(Some("search".to_owned())));
        let error = from_json::<Option<String>>("events", "1").unwrap_err();
        assert!(error.to_string().contains("`events`"), "{error}");
    }
}
