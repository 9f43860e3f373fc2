//! What is logged, with the levels of components and libraries.

use std::collections::BTreeMap;

use adapter_logging::{LogLevel, LogSettings};
use serde::Deserialize as _;

use super::layers::Layers;

/// Any of `components` may have a level of its own.
pub(super) fn read<'n>(
    layers: &mut Layers<'_>,
    components: impl IntoIterator<Item = &'n String>,
) -> LogSettings {
    const COMPONENTS: &str = "log.components";
    let mut levels = BTreeMap::new();
    for name in components {
        let level = layers.optional(COMPONENTS, name, LogLevel::deserialize);
        levels.extend(level.map(|level| (name.clone(), level)));
    }
    LogSettings {
        components: levels,
        libraries: layers.section("log.libraries"),
        ..layers.section("log")
    }
}
