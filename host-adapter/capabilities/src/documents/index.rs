//! Index definitions on collections, and the errors of creating them.

use super::{Collection, Direction, Error, Path, limits::MAX_SORT_FIELDS};

/// Maximum length of the names of an index and its collection together, in bytes. The names of the
/// PostgreSQL indexes contain both, and PostgreSQL truncates names to 63 bytes.
const MAX_NAMES: usize = 56;

/// An index on one to 8 fields of a collection.
///
/// It speeds up equality, ranges and sorting over its fields, starting at the first field. A unique
/// index also rejects a second document with the same values, and a missing field counts as null. Do
/// not rely on uniqueness of whole arrays and objects: MongoDB compares the elements of an array one by
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    collection: Collection,
    name: String,
    fields: Vec<(Path, Direction)>,
    unique: bool,
}

/// Why an index cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The definition is not valid.
    #[error("index `{name}`: {reason}")]
    Invalid {
        /// The index.
        name: String,
        /// What is wrong with the definition.
        reason: String,
    },
    /// Existing documents violate the uniqueness.
    #[error(
        "unique index `{name}` of collection `{collection}` cannot be created: several documents have \
         the same value; remove the duplicates and retry"
    )]
    Duplicates {
        /// The collection.
        collection: String,
        /// The index.
        name: String,
    },
    /// An index of that name exists with other fields or another uniqueness.
    #[error(
        "collection `{collection}` already has an index `{name}` with other fields or another \
         uniqueness; choose another name"
    )]
    Conflict {
        /// The collection.
        collection: String,
        /// The index.
        name: String,
    },
    /// The store returned an error.
    #[error("index `{name}` of collection `{collection}`: {error}")]
    Store {
        /// The collection.
        collection: String,
        /// The index.
        name: String,
        /// The store's error.
        error: Error,
    },
}

impl Index {
    /// Validates an index definition. Each of `fields` is a path; a leading `-` means descending order.
    ///
    /// # Errors
    ///
    /// Returns [`IndexError::Invalid`] if a name or a path is not valid, if a path occurs twice, or if the
    /// number of fields is not 1 to 8.
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
        if !is_valid_name(name) || collection.as_str().len() + name.len() > MAX_NAMES {
            return Err(invalid(format!(
                "the name must be a lower-case letter followed by `a-z`, `0-9` and `_`, and at most \
                 {MAX_NAMES} bytes together with the collection's name"
            )));
        }
        let mut parsed: Vec<(Path, Direction)> = Vec::new();
        for field in fields {
            let (path, direction) = match field.strip_prefix('-') {
                Some(path) => (path, Direction::Descending),
                None => (field.as_str(), Direction::Ascending),
            };
            let path = Path::parse(path).map_err(|error| invalid(error.to_string()))?;
            if parsed.iter().any(|(earlier, _)| *earlier == path) {
                return Err(invalid(format!("field `{path}` occurs twice")));
            }
            parsed.push((path, direction));
        }
        if parsed.is_empty() || parsed.len() > MAX_SORT_FIELDS {
            return Err(invalid(format!(
                "an index has 1 to {MAX_SORT_FIELDS} fields"
            )));
        }
        Ok(Self {
            collection,
            name: name.to_owned(),
            fields: parsed,
            unique,
        })
    }

    /// The collection of the index.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// The name, unique within the collection.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fields and directions, most significant first.
    #[must_use]
    pub fn fields(&self) -> &[(Path, Direction)] {
        &self.fields
    }

    /// Whether two documents must not have the same values.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    pub(super) fn store_error(&self, error: Error) -> IndexError {
        IndexError::Store {
            collection: self.collection.as_str().to_owned(),
            name: self.name.clone(),
            error,
        }
    }

    pub(super) fn duplicates_error(&self) -> IndexError {
        IndexError::Duplicates {
            collection: self.collection.as_str().to_owned(),
            name: self.name.clone(),
        }
    }

    pub(super) fn conflict_error(&self) -> IndexError {
        IndexError::Conflict {
            collection: self.collection.as_str().to_owned(),
            name: self.name.clone(),
        }
    }
}

/// Restricts names because they become part of SQL.
fn is_valid_name(name: &str) -> bool {
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
    fn leading_minus_means_descending() {
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
    fn invalid_name_or_fields_are_rejected() {
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
