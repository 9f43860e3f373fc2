//! JSON documents in the collections that a component is granted; the contract is `wit/documents.wit`.
//!
//! This module parses and validates a caller's text once, into [`Filter`], [`Update`] and [`Document`].
//! A [`Store`] only translates them, so both stores accept the same language. The language is the subset
//! that MongoDB and JSONB can both implement. Where they differ, MongoDB's semantics apply:
//!
//! - A path crosses arrays of objects, and a comparison tests each element of an array: `{"tags": "a"}`
//!   matches `{"tags": ["a", "b"]}`. `$ne` is the negation of equality.
//! - Whole arrays and whole objects cannot be compared (`invalid`): the order of an object's fields
//!   matters to MongoDB, and JSONB does not keep it.
//! - A field name in a path must not consist of digits only (`invalid`): MongoDB also reads it as a
//!   position in an array.
//! - `count-by` and `count-distinct` use the value at a path as it is, and an array is one value. If the
//!   path crosses an array, the field counts as missing.
//! - An ascending sort uses an array's smallest element, a descending one its largest, in MongoDB's order
//!   of types. The order among objects, and among arrays within arrays, depends on the store. A document
//!   must not have arrays in two of the sort fields (MongoDB returns `invalid`).
//! - Whether objects that differ only in the order of their fields are one value to `count-by` and
//!   `count-distinct`, or two, depends on the store.
//! - Integers beyond 64 bits become doubles. A key that occurs twice in one object is `invalid`.

mod apply;
mod client;
mod collection;
mod date;
mod document;
mod errors;
mod filter;
#[cfg(test)]
mod fuzz;
mod groups;
mod index;
mod json;
mod jsonb;
mod limits;
mod mongodb;
mod path;
mod sort;
mod store;
mod update;
mod value;

pub use adapter_contract::documents::{Direction, InsertOneOutcome, InsertOutcome, Query};

pub use self::mongodb::{MongoDb, MongoDbSettings};
pub use client::Documents;
pub use collection::{Collection, InvalidCollection};
pub use date::Date;
pub use document::Document;
pub use errors::Error;
pub use filter::{Comparison, Filter, Test};
pub use index::{Index, IndexError};
pub use jsonb::Jsonb;
pub use limits::Limits;
pub use path::Path;
pub use sort::Sort;
pub use store::{Bounds, Store};
pub use update::{Change, Update};
pub use value::{Fields, Scalar, Value};
