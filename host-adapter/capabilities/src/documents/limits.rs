//! Limits on the arguments and the result of a call.

use adapter_settings::{Integer, KIB, MIB, Size};
use serde::{Deserialize, Serialize};

use super::Error;

/// Maximum JSON text of a document (see `wit/documents.wit`), filter or update, in bytes. MongoDB allows
/// 16 MiB per document, with which one call could fill the adapter's memory.
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// Maximum number of documents in one insert (see `wit/documents.wit`).
pub(super) const MAX_DOCUMENTS: usize = 1_000;

/// Maximum number of nested levels of objects and arrays (see `wit/documents.wit`). The document itself
/// is the first level. MongoDB's limit is 100.
pub(super) const MAX_NESTING: usize = 64;

/// Maximum length of `_id` in bytes. It is an index key, and PostgreSQL and older MongoDB versions limit
/// index entries to 1 to 3 KB.
pub(super) const MAX_ID: usize = 256;

/// Maximum length of a path in bytes. The translation of a filter repeats the path for each value of `$in`.
pub(super) const MAX_PATH: usize = 256;

/// Maximum number of comparisons in one filter. Each costs time for every document that is examined.
pub(super) const MAX_CONDITIONS: usize = 100;

/// Maximum number of values in all `$in` of one filter together, as many as documents in one result.
pub(super) const MAX_IN_VALUES: usize = 1_000;

/// Maximum number of fields that one update changes.
pub(super) const MAX_CHANGES: usize = 100;

/// Maximum number of sort fields, and of fields in an index.
pub(super) const MAX_SORT_FIELDS: usize = 8;

/// Maximum number of documents that a query skips (see `wit/documents.wit`): the store reads each of them.
pub(super) const MAX_SKIP: u32 = 10_000;

/// What one result may hold.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct Limits {
    /// The most documents of a `find` or values of a `count-by`. Larger queries get this many. The
    /// default is the lowest accepted value, because components may rely on it. Use paging for more.
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

/// The error for a value that is nested deeper than [`MAX_NESTING`].
pub(super) fn too_deep(what: &str) -> Error {
    Error::TooLarge(format!("{what} is nested deeper than {MAX_NESTING} levels"))
}

/// The error for JSON text longer than [`MAX_TEXT`].
pub(super) fn too_long(what: &str) -> Error {
    Error::TooLarge(format!("{what} is larger than {MAX_TEXT} bytes"))
}
