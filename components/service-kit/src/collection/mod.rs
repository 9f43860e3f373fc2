//! Documents as serde types; the contract is `wit/documents.wit`.
//!
//! ```ignore
//! const ACTIVITIES: Collection<Activity> = Collection::new("activities");
//!
//! let recent = ACTIVITIES.find(eq("user_id", id).and(gte("at", yesterday))).fetch_all().await?;
//! ```

pub mod filter;
mod find;
mod update;

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::adapter::documents::{self, InsertOutcome};

pub use filter::Filter;
pub use find::Find;
pub use update::Update;

/// Most documents that one call inserts, as the interface has it.
const MAX_INSERT: usize = 1_000;

/// A collection whose documents are read as `T`.
#[derive(Debug)]
pub struct Collection<T> {
    name: &'static str,
    item: PhantomData<fn() -> T>,
}

impl<T> Collection<T> {
    /// The collection of this name, which the component must be granted.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let item = PhantomData;
        Self { name, item }
    }

    /// The same collection, with documents read as another type.
    #[must_use]
    pub const fn read_as<U>(&self) -> Collection<U> {
        Collection::new(self.name)
    }

    /// Store a document, which has an `_id`. False if one with this `_id` is stored already; that one
    /// stays as it is.
    ///
    /// # Errors
    /// If the document cannot be written or stored.
    pub async fn insert(&self, document: &impl Serialize) -> Result<bool, Failure> {
        let document = to_json(document)?;
        let outcomes = documents::insert(self.name.to_owned(), vec![document]).await?;
        Ok(outcomes.first() == Some(&InsertOutcome::Inserted))
    }

    /// Store documents, except those whose `_id` is stored already. After an error any number of
    /// them may be stored, and repeating the call is safe.
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

    /// The documents that match, to be ordered, limited and fetched.
    pub fn find(&self, filter: Filter) -> Find<T> {
        Find::new(self.name, filter)
    }

    /// Change all documents that match, and return how many matched.
    ///
    /// # Errors
    /// If the update is not acceptable or cannot be done.
    pub async fn update(&self, filter: Filter, update: Update) -> Result<u64, Failure> {
        let (name, update) = (self.name.to_owned(), update.into_json()?);
        Ok(documents::update(name, filter.into_json(), update).await?)
    }

    /// How many documents match.
    ///
    /// # Errors
    /// If they cannot be counted.
    pub async fn count(&self, filter: Filter) -> Result<u64, Failure> {
        Ok(documents::count(self.name.to_owned(), filter.into_json()).await?)
    }

    /// How many documents match per value of `field`, the most frequent value first. At most 1,000
    /// values are certain to be counted. `V` is an `Option` where the field may be null or missing.
    ///
    /// # Errors
    /// If they cannot be counted, or a value cannot be read as `V`.
    pub async fn count_by<V: DeserializeOwned>(
        &self,
        field: &str,
        filter: Filter,
    ) -> Result<Vec<(V, u64)>, Failure> {
        let name = self.name.to_owned();
        let counted = documents::count_by(name, field.to_owned(), filter.into_json()).await?;
        let read = |(value, count): (String, u64)| Ok((from_json(self.name, &value)?, count));
        counted.into_iter().map(read).collect()
    }

    /// How many different values `field` has in the documents that match, without null.
    ///
    /// # Errors
    /// If they cannot be counted.
    pub async fn count_distinct(&self, field: &str, filter: Filter) -> Result<u64, Failure> {
        let (name, field) = (self.name.to_owned(), field.to_owned());
        Ok(documents::count_distinct(name, field, filter.into_json()).await?)
    }

    /// Delete all documents that match, and return how many there were.
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
