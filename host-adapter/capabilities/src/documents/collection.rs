//! Collection names.

/// Maximum length in bytes: PostgreSQL's limit for the name of a table.
const MAX_LENGTH: usize = 63;

/// Prefix of the adapter's own collections.
const RESERVED: &str = "spindle_";

/// A valid collection name: a lower-case letter followed by lower-case letters, digits and `_`, at most
/// 63 bytes.
///
/// The characters are restricted because the name becomes a table name in SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection(String);

/// The name is not a valid collection name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "collection `{0}` must be a lower-case letter followed by at most 62 of `a-z`, `0-9` and `_`, \
     and must not begin with `spindle_`"
)]
pub struct InvalidCollection(String);

impl Collection {
    /// Validates `name`.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is not valid or is reserved.
    pub fn new(name: &str) -> Result<Self, InvalidCollection> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_with_letter = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase());
        let reserved = name.starts_with(RESERVED);
        if begins_with_letter && !reserved && name.len() <= MAX_LENGTH && name.bytes().all(allowed)
        {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidCollection(name.to_owned()))
        }
    }

    /// The collection that records the applied index files. A component cannot be granted it.
    #[must_use]
    pub fn migrations() -> Self {
        Self(format!("{RESERVED}migrations"))
    }

    /// The collection in which MongoDB keeps the clock of positions. A component cannot be granted it.
    #[must_use]
    pub fn positions() -> Self {
        Self(format!("{RESERVED}positions"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_unreserved_names_are_valid() {
        for name in ["a", "events", "daily_counts_2", &"x".repeat(63)] {
            assert_eq!(Collection::new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "_a",
            "1a",
            "Events",
            "a-b",
            "a.b",
            "a\"b",
            "é",
            "spindle_migrations",
            "a\0",
            &"x".repeat(64),
        ] {
            assert!(Collection::new(name).is_err(), "{name}");
        }
    }
}
