//! Which lines are written: by level, per component and per library.

use std::collections::BTreeMap;

use tracing::{Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

use crate::{GUEST, LogLevel, LogSettings, context};

/// What the targets of the adapter's own crates begin with.
const OWN: [&str; 2] = ["adapter_", "host_adapter"];

/// The least important lines that are still written.
#[derive(Debug)]
pub(crate) struct Levels {
    default: LogLevel,
    components: BTreeMap<String, LogLevel>,
    /// By the beginning of the target.
    libraries: [(&'static str, LogLevel); 4],
    others: LogLevel,
}

impl Levels {
    pub(crate) fn new(settings: &LogSettings) -> Self {
        // Only what is asked for of a library makes it say more than the adapter.
        let level = |library: LogLevel| match library {
            LogLevel::Warning => library.max(settings.level),
            asked => asked,
        };
        let libraries = &settings.libraries;
        Self {
            default: settings.level,
            components: settings.components.clone(),
            libraries: [
                ("sqlx", level(libraries.sqlx)),
                ("mongodb", level(libraries.mongodb)),
                ("hyper", level(libraries.hyper)),
                ("wasmtime", level(libraries.wasmtime)),
            ],
            others: level(libraries.others),
        }
    }

    /// Whether a line of `component` is written.
    pub(crate) fn permit(&self, level: LogLevel, component: &str) -> bool {
        level >= *self.components.get(component).unwrap_or(&self.default)
    }

    /// Whether an event of the adapter or of a library is written. `component` is whom it is about.
    pub(crate) fn permit_event(&self, level: LogLevel, target: &str, component: &str) -> bool {
        match self.library(target) {
            Some(least) => level >= least,
            None => self.permit(level, component),
        }
    }

    /// The level of a library; none for the adapter's own crates.
    pub(crate) fn library(&self, target: &str) -> Option<LogLevel> {
        if OWN.iter().any(|own| target.starts_with(own)) {
            return None;
        }
        let mut libraries = self.libraries.iter();
        let library = libraries.find(|(name, _)| target.starts_with(name));
        Some(library.map_or(self.others, |(_, level)| *level))
    }

    /// The least important level that any component has.
    fn least(&self) -> LogLevel {
        let components = self.components.values().copied();
        components.fold(self.default, LogLevel::min)
    }

    /// Whether events of `metadata` can be written. It is asked once for each place in the code.
    fn may_permit(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_event() && metadata.target() == GUEST {
            return true;
        }
        if metadata.is_span() && context::names_request(metadata) {
            return true;
        }
        let least = self.library(metadata.target());
        LogLevel::of(*metadata.level()) >= least.unwrap_or_else(|| self.least())
    }
}

/// Filters the layer's events and spans, and no other layer's.
pub(crate) struct LevelsFilter(pub(crate) std::sync::Arc<Levels>);

impl<S: Subscriber> Filter<S> for LevelsFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.0.may_permit(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.0.may_permit(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    /// At least INFO, because spans of requests and lines of components have that level.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        let libraries = self.0.libraries.iter().map(|(_, level)| *level);
        let all = libraries.chain([self.0.others, self.0.least(), LogLevel::Info]);
        all.min().map(LogLevel::filter)
    }
}
