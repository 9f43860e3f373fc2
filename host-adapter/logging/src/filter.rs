//! Which lines are written: by level, per component and per library.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use tracing::{Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

use crate::{GUEST, LogLevel, LogSettings, context};

/// What the targets of the adapter's own crates begin with.
const OWN: [&str; 2] = ["adapter_", "host_adapter"];

/// The least important lines that are still written. They can change.
#[derive(Debug)]
pub(crate) struct Levels(RwLock<Rules>);

#[derive(Debug)]
struct Rules {
    default: LogLevel,
    components: BTreeMap<String, LogLevel>,
    /// By the beginning of the target.
    libraries: [(&'static str, LogLevel); 4],
    others: LogLevel,
}

impl Levels {
    pub(crate) fn new(settings: &LogSettings) -> Self {
        Self(RwLock::new(Rules::new(settings)))
    }

    /// Permits other lines from now on.
    pub(crate) fn change(&self, settings: &LogSettings) {
        let rules = Rules::new(settings);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
        // Each place in the code keeps what the filter said of it.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Whether a line of `component` is written.
    pub(crate) fn permit(&self, level: LogLevel, component: &str) -> bool {
        self.rules().permit(level, component)
    }

    /// Whether an event of the adapter or of a library is written. `component` is whom it is about.
    pub(crate) fn permit_event(&self, level: LogLevel, target: &str, component: &str) -> bool {
        let rules = self.rules();
        match rules.library(target) {
            Some(least) => level >= least,
            None => rules.permit(level, component),
        }
    }

    fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an event belongs to a library, and not to the adapter's own crates.
pub(crate) fn is_library(target: &str) -> bool {
    !OWN.iter().any(|own| target.starts_with(own))
}

impl Rules {
    fn new(settings: &LogSettings) -> Self {
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

    fn permit(&self, level: LogLevel, component: &str) -> bool {
        level >= *self.components.get(component).unwrap_or(&self.default)
    }

    /// The level of a library; none for the adapter's own crates.
    fn library(&self, target: &str) -> Option<LogLevel> {
        if !is_library(target) {
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
        self.0.rules().may_permit(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.0.rules().may_permit(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    /// At least INFO, because spans of requests and lines of components have that level.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        let rules = self.0.rules();
        let libraries = rules.libraries.iter().map(|(_, level)| *level);
        let all = libraries.chain([rules.others, rules.least(), LogLevel::Info]);
        all.min().map(LogLevel::filter)
    }
}
