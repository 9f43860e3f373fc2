//! Paths to fields: `a.b` is field `b` of the object in field `a`.

use std::fmt;

use super::{
    Error,
    limits::{self, MAX_NESTING, MAX_PATH},
};

/// One to 64 field names, outermost first.
///
/// A document can have a field whose name contains a dot, but a path cannot address it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_PATH {
            return Err(Error::Invalid(format!(
                "a field path is longer than {MAX_PATH} bytes"
            )));
        }
        let names: Vec<String> = text.split('.').map(str::to_owned).collect();
        if names.len() > MAX_NESTING {
            return Err(limits::too_deep(&format!("field path `{text}`")));
        }
        match names.iter().find_map(|name| find_fault(name)) {
            Some(fault) => Err(Error::Invalid(format!(
                "field path `{}` {fault}",
                text.escape_debug()
            ))),
            None => Ok(Self(names)),
        }
    }

    /// Field names, outermost first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether this is the document's `_id` itself.
    #[must_use]
    pub fn is_id(&self) -> bool {
        matches!(self.0.as_slice(), [name] if name == "_id")
    }

    /// Whether the paths are equal or one is a prefix of the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, other)| one == other)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("."))
    }
}

fn find_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("has an empty field name")
    } else if name.starts_with('$') {
        Some("has a field name that begins with `$`")
    } else if name.contains('\0') {
        Some("contains a NUL character")
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("has a field name of digits only, which could mean a position in an array")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_separate_names() {
        assert_eq!(
            Path::parse("a.b c.\"é").unwrap().names(),
            ["a", "b c", "\"é"]
        );
        assert!(Path::parse("_id").unwrap().is_id());
        assert!(!Path::parse("a._id").unwrap().is_id());
    }

    #[test]
    fn malformed_paths_are_invalid() {
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "$where",
            "a.$b",
            "a\0",
            "a.0",
            "17",
            &"x".repeat(257),
        ] {
            assert!(
                matches!(Path::parse(text), Err(Error::Invalid(_))),
                "{text}"
            );
        }
        assert!(matches!(
            Path::parse(&["a"; 65].join(".")),
            Err(Error::TooLarge(_))
        ));
    }

    #[test]
    fn equal_and_nested_paths_overlap() {
        let overlap = |a: &str, b: &str| Path::parse(a).unwrap().overlaps(&Path::parse(b).unwrap());
        assert!(overlap("a", "a") && overlap("a", "a.b") && overlap("a.b", "a"));
        assert!(!overlap("a.b", "a.c") && !overlap("a", "ab"));
    }
}
