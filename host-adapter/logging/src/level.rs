//! The importance of a line.

use serde::{Deserialize, Deserializer, Serialize};
use tracing::{Level, level_filters::LevelFilter};

/// Importance of a line, least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Every call, to find a fault.
    Debug,
    /// What an operator wants to know afterwards.
    #[default]
    Info,
    /// Something was rejected or repeated; service goes on.
    Warning,
    /// A request failed because of an error on this side.
    Error,
    /// A process or an instance cannot go on.
    Critical,
}

impl LogLevel {
    /// The name that components and lines use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// The level of this name, in upper or lower case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" | "WARN" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" => Self::Critical,
            _ => return None,
        })
    }

    /// The level of an event.
    pub(crate) fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            Level::INFO => Self::Info,
            Level::DEBUG | Level::TRACE => Self::Debug,
        }
    }

    /// The events that can have this level or a more important one. No event is critical.
    pub(crate) fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warning => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
            Self::Critical => LevelFilter::OFF,
        }
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`";
        adapter_settings::from_text(deserializer, expected, Self::from_name)
    }
}
