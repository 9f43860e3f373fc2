//! Limits of the documents capability.

use super::reader::Reader;
use super::value::Size;

/// More belongs behind paging. It cannot be fewer: components may count on as many.
const DEFAULT_MAX_DOCUMENTS: u32 = 1_000;
/// Four of the largest documents that can be stored.
const DEFAULT_MAX_BYTES: usize = 4 << 20;

/// What components may ask of the document store.
#[derive(Clone, Debug)]
pub struct Documents {
    /// Documents, or different values, of one result.
    pub max_documents: u32,
    /// Bytes of one result.
    pub max_bytes: usize,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Documents {
    reader.section("documents", |section| Documents {
        max_documents: section.within(
            "max_documents",
            DEFAULT_MAX_DOCUMENTS,
            DEFAULT_MAX_DOCUMENTS..=100_000,
        ),
        max_bytes: section
            .within(
                "max_bytes",
                Size(DEFAULT_MAX_BYTES),
                Size(1 << 10)..=Size(64 << 20),
            )
            .0,
    })
}
