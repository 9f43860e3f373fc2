//! Labels as a fixed list of names and values, so that each metric needs no type of its own.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};

/// The values of `N` labels with their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels<const N: usize>([(&'static str, Value); N]);

/// The value of a label. Copying it does not copy the text.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text in the code.
    Static(&'static str),
    /// A text from elsewhere.
    Shared(Arc<str>),
}

/// Creates labels from names and values.
///
/// The values must come from a bounded set: see [`crate::metrics`].
#[must_use]
pub fn labels<const N: usize>(labels: [(&'static str, Value); N]) -> Labels<N> {
    Labels(labels)
}

impl Value {
    fn text(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<&Arc<str>> for Value {
    fn from(text: &Arc<str>) -> Self {
        Self::Shared(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

/// The names are the same in all labels of a family, so they need not be hashed.
impl<const N: usize> Hash for Labels<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|(_, value)| value.hash(state));
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl<const N: usize> EncodeLabelSet for Labels<N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let pairs = self.0.iter().map(|(name, value)| (*name, value.text()));
        pairs.collect::<Vec<_>>().encode(encoder)
    }
}
