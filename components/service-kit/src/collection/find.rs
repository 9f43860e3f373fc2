//! Finds the documents that match a filter, in order and in pages.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::filter::{gt, lt, lte};
use super::{Filter, from_json};
use crate::Failure;
use crate::adapter::documents::{self, Direction, Error, Query};
use crate::page::{Cursor, Item, MAX_PAGE_BYTES, Page, PageRequest};

/// A query of documents that are read as `T`.
#[derive(Debug)]
#[must_use = "a query does nothing until it is fetched"]
pub struct Find<T> {
    collection: &'static str,
    filter: Filter,
    sort: Vec<(String, Direction)>,
    skip: u32,
    limit: u32,
    item: PhantomData<fn() -> T>,
}

impl<T> Find<T> {
    pub(super) fn new(collection: &'static str, filter: Filter) -> Self {
        Self {
            collection,
            filter,
            sort: Vec::new(),
            skip: 0,
            limit: 0,
            item: PhantomData,
        }
    }

    /// Orders by `field`, after the fields of earlier calls. Ties are ordered by `_id`.
    pub fn order_by(mut self, field: &str, direction: Direction) -> Self {
        self.sort.push((field.to_owned(), direction));
        self
    }

    /// Skips the first `skip` documents, at most 10,000.
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Fetches at most `limit` documents. The default is the adapter's `max_documents`.
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    async fn fetch(&self, limit: u32) -> Result<Vec<String>, Error> {
        let query = Query {
            filter: self.filter.to_string(),
            sort: self.sort.clone(),
            skip: self.skip,
            limit,
        };
        documents::find(self.collection.to_owned(), query).await
    }

    /// Fetches at most `limit` documents, or fewer if more would be above the adapter's limit on bytes. Returns
    /// how many were asked for at last, too.
    async fn fetch_fitting(&self, mut limit: u32) -> Result<(Vec<String>, u32), Error> {
        loop {
            match self.fetch(limit).await {
                Err(Error::TooLarge(_)) if limit > 1 => limit /= 2,
                found => return Ok((found?, limit)),
            }
        }
    }
}

impl<T: DeserializeOwned> Find<T> {
    /// Fetches the documents.
    ///
    /// # Errors
    /// If they cannot be found, or one cannot be read as `T`.
    pub async fn fetch_all(self) -> Result<Vec<T>, Failure> {
        let found = self.fetch(self.limit).await?;
        self.read(&found)
    }

    /// Fetches the first documents, fewer than [`Self::limit`] if more would be above the adapter's limit on bytes.
    /// There is at least one if any document matches.
    ///
    /// # Errors
    /// Like [`Self::fetch_all`].
    pub async fn fetch_some(self) -> Result<Vec<T>, Failure> {
        let (found, _) = self.fetch_fitting(self.limit).await?;
        self.read(&found)
    }

    /// Fetches the first document, if there is one.
    ///
    /// # Errors
    /// Like [`Self::fetch_all`].
    pub async fn fetch_optional(self) -> Result<Option<T>, Failure> {
        Ok(self.limit(1).fetch_all().await?.into_iter().next())
    }

    fn read(&self, documents: &[String]) -> Result<Vec<T>, Failure> {
        let read = |document: &String| from_json(self.collection, document);
        documents.iter().map(read).collect()
    }
}

impl<T: DeserializeOwned + Item> Find<T> {
    /// Fetches one page of the documents, newest first by the date `at`. Documents with the same date
    /// are ordered by `_id`.
    ///
    /// A page has fewer documents if they would be larger than 512 KiB as JSON.
    ///
    /// # Errors
    /// Like [`Self::fetch_all`].
    pub async fn fetch_page(mut self, at: &str, request: &PageRequest) -> Result<Page<T>, Failure> {
        self.sort = vec![(at.to_owned(), Direction::Descending)];
        if let Some(cursor) = request.after {
            self.filter = self.filter.and(after(at, cursor));
        }
        let (found, limit) = self.fetch_fitting(request.limit_to_fetch()).await?;
        let items = self.read(found.get(..fitting(&found)).unwrap_or_default())?;
        // With a smaller limit, it is unknown whether more documents follow. If none do, the list ends
        // with an empty page.
        let is_partial = limit < request.limit_to_fetch() && found.len() == limit as usize;
        Ok(request.page(items, found.len() as u64 + u64::from(is_partial)))
    }
}

/// Filter for documents after a cursor. The first condition is redundant, but it limits the part
/// of an index that is read.
fn after(at: &str, cursor: Cursor) -> Filter {
    let later = lt(at, cursor.at).or(gt("_id", cursor.id));
    lte(at, cursor.at).and(later)
}

/// Counts how many of the documents fit on a page. It is at least one, so that every page makes
/// progress.
fn fitting(documents: &[String]) -> usize {
    let mut bytes = 0;
    let fits = |document: &&String| {
        bytes += document.len();
        bytes <= MAX_PAGE_BYTES as usize
    };
    documents.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;
    use uuid::Uuid;

    #[test]
    fn a_page_goes_on_after_its_cursor() {
        let (at, id) = (datetime!(2026-01-31 12:00 UTC), Uuid::from_u128(7));
        let date = json!({"$date": "2026-01-31T12:00:00.000Z"});
        let expected = json!({
            "at": {"$lte": date},
            "$or": [{"at": {"$lt": date}}, {"_id": {"$gt": id}}],
        });
        assert_eq!(after("at", Cursor { at, id }).to_value(), expected);
    }

    #[test]
    fn a_page_is_cut_by_bytes() {
        let documents = |count: usize, bytes: usize| vec!["x".repeat(bytes); count];
        let max = MAX_PAGE_BYTES as usize;
        assert_eq!(fitting(&documents(3, 10)), 3);
        assert_eq!(fitting(&documents(3, max / 2)), 2);
        assert_eq!(fitting(&documents(2, max + 1)), 1);
    }
}
