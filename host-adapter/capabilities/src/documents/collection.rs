//! Names of collections.

/// Longest name, in bytes: PostgreSQL's for a table.
const MAX_LENGTH: usize = 63;

/// Names that begin so are the adapter's own.
const RESERVED: &str = "spindle_";

/// A valid name: a lower-case letter, then lower-case letters, digits and `_`, 63 bytes at most.
///
/// Only these characters, because the name becomes that of a table and thereby part of SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collection(String);

/// A collection cannot be called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "collection `{0}` must be a lower-case letter followed by at most 62 of `a-z`, `0-9` and `_`, \
     and not begin with `spindle_`"
)]
pub struct InvalidCollection(String);

impl Collection {
    /// Checks `name`.
    ///
    /// # Errors
    ///
    /// When it is not a valid name.
    pub fn new(name: &str) -> Result<Self, InvalidCollection> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase());
        let own = name.starts_with(RESERVED);
        if begins && !own && name.len() <= MAX_LENGTH && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidCollection(name.to_owned()))
        }
    }

    /// Where it is recorded which indexes were made; no component can be granted it.
    #[must_use]
    pub fn migrations() -> Self {
        Self(format!("{RESERVED}migrations"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_collections() {
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
