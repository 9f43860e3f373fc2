//! What a document store has to do; everything it is given has been checked.

use futures_util::future::BoxFuture;

use super::{
    Collection, Document, Error, Filter, Index, IndexError, InsertOutcome, Path, Sort, Update,
};

/// The part of a result that is wanted, and what it may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many to leave out first.
    pub skip: u32,
    /// How many to return at most. Never 0.
    pub limit: u32,
    /// A result with more bytes of JSON text is [`Error::TooLarge`], found while reading it.
    pub max_bytes: usize,
}

/// A store of documents, such as PostgreSQL or MongoDB.
///
/// Each function means exactly what `wit/documents.wit` and this module's documentation say, and its
/// future may be dropped at any time.
pub trait Backend: std::fmt::Debug + Send + Sync {
    /// Stores the documents that are not there yet, whatever becomes of the others, and says in the
    /// order given which. The first of two with one `_id` is stored.
    fn insert<'a>(
        &'a self,
        collection: &'a Collection,
        documents: Vec<Document>,
    ) -> BoxFuture<'a, Result<Vec<InsertOutcome>, Error>>;

    /// Documents as relaxed Extended JSON, in the order of `sort`, then of `_id`.
    fn find<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
        sort: &'a Sort,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>>;

    /// How many documents match.
    fn count<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>>;

    /// Values of `field` as JSON text with their number, most frequent first, then in the order of
    /// an ascending sort.
    fn count_by<'a>(
        &'a self,
        collection: &'a Collection,
        field: &'a Path,
        filter: &'a Filter,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, Error>>;

    /// How many different values other than null `field` has.
    fn count_distinct<'a>(
        &'a self,
        collection: &'a Collection,
        field: &'a Path,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>>;

    /// Changes matching documents one by one and says how many matched. One that cannot be changed
    /// that way ends it with [`Error::Invalid`].
    fn update<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
        update: Update,
    ) -> BoxFuture<'a, Result<u64, Error>>;

    /// Removes matching documents and says how many.
    fn remove<'a>(
        &'a self,
        collection: &'a Collection,
        filter: &'a Filter,
    ) -> BoxFuture<'a, Result<u64, Error>>;

    /// Makes an index and says whether it was not there yet. Takes as long as it takes.
    ///
    /// After an error there is no such index, unless it was there before.
    fn create_index<'a>(&'a self, index: &'a Index) -> BoxFuture<'a, Result<bool, IndexError>>;

    /// Takes an index away; nothing happens where there is none.
    fn drop_index<'a>(
        &'a self,
        collection: &'a Collection,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;
}
