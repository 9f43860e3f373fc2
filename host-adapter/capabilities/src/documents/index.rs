//! Indexes on collections: what they are, and why one cannot be built.

use super::{Collection, Direction, Error, Path, limits::MAX_SORT_FIELDS};

/// Longest name together with the collection's, in bytes: PostgreSQL's own names are made of both, and
/// cut at 63.
const MAX_NAMES: usize = 56;

/// An index on one to 8 fields of a collection.
///
/// It makes equality, ranges and orders over its fields cheap, from the first field on. A unique one
/// also refuses a second document with the same values, a missing field counting as null; whole
/// arrays and objects are no values to be unique by (MongoDB takes an array's elements one by one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    collection: Collection,
    name: String,
    fields: Vec<(Path, Direction)>,
    unique: bool,
}

/// Why an index cannot be made or taken away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It is declared wrongly.
    #[error("index `{name}`: {reason}")]
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// There are documents that it would refuse.
    #[error(
        "index `{name}` of collection `{collection}` cannot be unique: several documents have the \
         same value; none was changed, and there is no index"
    )]
    Duplicates {
        /// The collection.
        collection: String,
        /// The index.
        name: String,
    },
    /// There is one of that name with other fields.
    #[error("collection `{collection}` has another index `{name}` already, with other fields")]
    Different {
        /// The collection.
        collection: String,
        /// The index.
        name: String,
    },
    /// The store did not do it.
    #[error("index `{name}` of collection `{collection}`: {error}")]
    Store {
        /// The collection.
        collection: String,
        /// The index.
        name: String,
        /// Why.
        error: Error,
    },
}

impl Index {
    /// Checks an index. Each of `fields` is a path, behind a `-` where the order is descending.
    ///
    /// # Errors
    ///
    /// [`IndexError::Invalid`].
    pub fn new(
        collection: &str,
        name: &str,
        fields: &[String],
        unique: bool,
    ) -> Result<Self, IndexError> {
        let invalid = |reason: String| IndexError::Invalid {
            name: name.to_owned(),
            reason,
        };
        let collection = Collection::new(collection).map_err(|error| invalid(error.to_string()))?;
        if !is_name(name) || collection.as_str().len() + name.len() > MAX_NAMES {
            return Err(invalid(format!(
                "a name is a letter, then letters, digits and `_`, all lower case, and together with \
                 the collection's at most {MAX_NAMES} bytes"
            )));
        }
        let mut read: Vec<(Path, Direction)> = Vec::new();
        for field in fields {
            let (path, direction) = match field.strip_prefix('-') {
                Some(path) => (path, Direction::Descending),
                None => (field.as_str(), Direction::Ascending),
            };
            let path = Path::parse(path).map_err(|error| invalid(error.to_string()))?;
            if read.iter().any(|(earlier, _)| *earlier == path) {
                return Err(invalid(format!("it names field `{path}` twice")));
            }
            read.push((path, direction));
        }
        if read.is_empty() || read.len() > MAX_SORT_FIELDS {
            return Err(invalid(format!("it needs 1 to {MAX_SORT_FIELDS} fields")));
        }
        Ok(Self {
            collection,
            name: name.to_owned(),
            fields: read,
            unique,
        })
    }

    /// The collection that it is on.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// Its name, different from those of the collection's other indexes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fields in order of weight.
    #[must_use]
    pub fn fields(&self) -> &[(Path, Direction)] {
        &self.fields
    }

    /// Whether no two documents may have the same values.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    pub(super) fn failed(&self, error: Error) -> IndexError {
        IndexError::Store {
            collection: self.collection.as_str().to_owned(),
            name: self.name.clone(),
            error,
        }
    }

    pub(super) fn duplicates(&self) -> IndexError {
        IndexError::Duplicates {
            collection: self.collection.as_str().to_owned(),
            name: self.name.clone(),
        }
    }

    pub(super) fn different(&self) -> IndexError {
        IndexError::Different {
            collection: self.collection.as_str().to_owned(),
            name: self.name.clone(),
        }
    }
}

/// An index's name becomes part of SQL.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(allowed)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, fields: &[&str]) -> Result<Index, IndexError> {
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        Index::new("events", name, &fields, false)
    }

    #[test]
    fn a_minus_is_descending() {
        let index = index("by_user", &["user.id", "-at"]).unwrap();
        let fields: Vec<_> = index
            .fields()
            .iter()
            .map(|(path, direction)| (path.to_string(), *direction))
            .collect();
        assert_eq!(
            fields,
            [
                ("user.id".to_owned(), Direction::Ascending),
                ("at".to_owned(), Direction::Descending)
            ]
        );
    }

    #[test]
    fn what_no_store_could_build_is_invalid() {
        for (name, fields) in [
            ("", vec!["a"]),
            ("By", vec!["a"]),
            ("a\"", vec!["a"]),
            ("a", vec![]),
            ("a", vec!["x", "-x"]),
            ("a", vec!["$x"]),
            ("a", vec!["--x.1"]),
            ("a", vec!["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        ] {
            assert!(
                matches!(index(name, &fields), Err(IndexError::Invalid { .. })),
                "{name} {fields:?}"
            );
        }
        assert!(Index::new("spindle_migrations", "a", &["a".to_owned()], false).is_err());
    }
}
