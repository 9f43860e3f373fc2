//! Values that are text in the file.

use std::{fmt, path::PathBuf};

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};

/// Reads a value from text. `expected` says in an error what `parse` takes.
///
/// # Errors
///
/// It is not text, or `parse` does not take it.
pub fn from_text<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text { expected, parse })
}

struct Text<F> {
    expected: &'static str,
    parse: F,
}

impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A path that is not empty, for `#[serde(with = "…")]`. It is optional if the field's type is.
pub mod path {
    use super::{Deserializer, PathBuf};
    use serde::{Serialize, Serializer};

    /// Writes the path.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        value: &impl Serialize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    /// Reads the path.
    ///
    /// # Errors
    ///
    /// It is not text, or empty.
    pub fn deserialize<'de, P: From<PathBuf>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<P, D::Error> {
        super::from_text(deserializer, "a path", |text| {
            (!text.is_empty()).then(|| PathBuf::from(text).into())
        })
    }
}

/// An IP address and port, for `#[serde(with = "…")]`.
pub mod address {
    use std::net::SocketAddr;

    use serde::{Deserializer, Serialize as _, Serializer};

    /// Writes the address.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        address: &SocketAddr,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        address.serialize(serializer)
    }

    /// Reads the address.
    ///
    /// # Errors
    ///
    /// It is not an IP address and port.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
        let expected = "an IP address and port such as `127.0.0.1:3000`";
        super::from_text(deserializer, expected, |text| text.parse().ok())
    }
}
