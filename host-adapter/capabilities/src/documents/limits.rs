//! How much a call may give and get.

use adapter_settings::{Integer, KIB, MIB, Size};
use serde::{Deserialize, Serialize};

use super::Error;

/// Longest JSON text that is read: a document, as in `wit/documents.wit`, or a filter or an update.
/// MongoDB would take 16 MiB, at which one call could fill the adapter's memory.
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// Most documents of one insert, as in `wit/documents.wit`.
pub(super) const MAX_DOCUMENTS: usize = 1_000;

/// Levels of objects and arrays, the document itself being the first, as in `wit/documents.wit`.
/// MongoDB stops at 100.
pub(super) const MAX_NESTING: usize = 64;

/// Longest `_id`, in bytes. It is the key of an index, whose entries PostgreSQL and older MongoDB keep
/// to 1 to 3 KB.
pub(super) const MAX_ID: usize = 256;

/// Longest path, in bytes. A filter repeats it per value of `$in`.
pub(super) const MAX_PATH: usize = 256;

/// Most comparisons in one filter: each costs time on every document that is looked at.
pub(super) const MAX_CONDITIONS: usize = 100;

/// Most values in all `$in` of one filter together, as many as documents in one result.
pub(super) const MAX_IN_VALUES: usize = 1_000;

/// Most fields that one update changes.
pub(super) const MAX_CHANGES: usize = 100;

/// Most fields to sort by. An index with more does not exist.
pub(super) const MAX_SORT_FIELDS: usize = 8;

/// Most documents that a query leaves out, as in `wit/documents.wit`: each is read all the same.
pub(super) const MAX_SKIP: u32 = 10_000;

/// What one result may hold.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct Limits {
    /// Documents of a `find`, values of a `count-by`. A query that asks for more gets this many. The
    /// default is the least, because components may count on it; more belong behind paging.
    #[serde(with = "Integer::<1_000, 100_000>")]
    pub max_documents: u32,
    /// Bytes of JSON text. A result above it is rejected, since the component has to hold it. The
    /// default is four of the largest documents that can be stored.
    #[serde(with = "Size::<KIB, { 64 * MIB }>")]
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_documents: 1_000,
            max_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The refusal of what is nested deeper than [`MAX_NESTING`].
pub(super) fn too_deep(what: &str) -> Error {
    Error::TooLarge(format!("{what} is nested deeper than {MAX_NESTING} levels"))
}

/// The refusal of JSON text longer than [`MAX_TEXT`].
pub(super) fn too_long(what: &str) -> Error {
    Error::TooLarge(format!("{what} is larger than {MAX_TEXT} bytes"))
}
