//! Settings for operation: migrations and the log.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// Which migrations are run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Migrations {
    /// Directory with one directory per service, of SQL files and of indexes on documents.
    #[serde(with = "adapter_settings::path")]
    pub directory: PathBuf,
    /// Services whose migrations are left alone, because they are run by other means.
    pub skip: Vec<String>,
}

impl Default for Migrations {
    fn default() -> Self {
        Self {
            directory: "migrations".into(),
            skip: Vec::new(),
        }
    }
}

/// What is logged.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Log {
    /// The least important lines that are still written.
    #[serde(deserialize_with = "level")]
    pub level: LogLevel,
}

/// Importance of a log line, least first.
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
    /// A process cannot go on.
    Critical,
}

impl LogLevel {
    /// The name that components and log lines use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogLevel, D::Error> {
    let expected = "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`";
    adapter_settings::from_text(deserializer, expected, |text| {
        match text.to_ascii_uppercase().as_str() {
            "DEBUG" => Some(LogLevel::Debug),
            "INFO" => Some(LogLevel::Info),
            "WARNING" | "WARN" => Some(LogLevel::Warning),
            "ERROR" => Some(LogLevel::Error),
            "CRITICAL" => Some(LogLevel::Critical),
            _ => None,
        }
    })
}
