//! Labels as a fixed list of names and values, so that each metric needs no type of its own.

use std::{fmt, sync::Arc};

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};

/// The values of `N` labels with their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Labels<const N: usize>([(&'static str, Arc<str>); N]);

/// Creates labels from names and values.
///
/// The values must come from a bounded set: see [`crate::metrics`].
#[must_use]
pub fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels<N> {
    Labels(labels.map(|(name, value)| (name, value.into())))
}

impl<const N: usize> EncodeLabelSet for Labels<N> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| (*name, &**value)).collect();
        pairs.encode(encoder)
    }
}
