//! JSON documents in the collections that a component is granted; the contract is `wit/documents.wit`.
//!
//! Everything that a caller wrote is read and judged once, here, into [`Filter`], [`Update`] and
//! [`Document`]; a [`Store`] only translates them, so that both stores accept the same.
//! The language is what MongoDB and JSONB can both mean the same by, and MongoDB's meaning decides:
//!
//! - A path crosses arrays of objects, and a comparison tries the elements of an array: `{"tags": "a"}`
//!   matches `{"tags": ["a", "b"]}`. `$ne` is the negation of that.
//! - Whole arrays and whole objects cannot be compared (`invalid`): MongoDB minds the order of an
//!   object's fields, and JSONB does not keep it.
//! - Digits alone are no field name in a path (`invalid`): MongoDB takes them for a position too.
//! - `count-by` and `count-distinct` take the value at a path as it is, an array as one value; where
//!   the path itself crosses an array there is none.
//! - Sorting takes an array's smallest element, descending its largest, in MongoDB's order of types.
//!   The order of objects among themselves, and of arrays in arrays, is the store's own. No document
//!   may have arrays in two of the fields that are sorted by (MongoDB says `invalid`).
//! - To `count-by` and `count-distinct`, objects whose fields differ in order only are one value or
//!   two, as the store has it.
//! - Integers beyond 64 bits become doubles; a key given twice in one object is `invalid`.

mod apply;
mod client;
mod collection;
mod date;
mod document;
mod errors;
mod filter;
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

pub use adapter_contract::documents::{Direction, InsertOutcome, Query};

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
