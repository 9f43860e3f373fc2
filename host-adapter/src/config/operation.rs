//! What an operator looks at: health, migrations, the log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;
use super::value::Value;

/// Below the probe timeouts of container platforms, so that a slow dependency is an answer and
/// not a missing one.
const DEFAULT_HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_DIRECTORY: &str = "migrations";

/// How dependencies are probed.
#[derive(Clone, Debug)]
pub struct Health {
    /// How long a dependency may take to answer before it counts as down.
    pub timeout: Duration,
}

/// Which migrations are run.
#[derive(Clone, Debug)]
pub struct Migrations {
    /// Directory with one directory of SQL files per service.
    pub directory: PathBuf,
    /// Services whose migrations are left alone, because somebody else runs them.
    pub skip: Vec<String>,
}

/// What is logged.
#[derive(Clone, Debug)]
pub struct Log {
    /// The least important lines that are still written.
    pub level: LogLevel,
}

/// Importance of a log line, least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For whoever looks for a fault: every call.
    Debug,
    /// What an operator wants to know afterwards.
    #[default]
    Info,
    /// Something was refused or repeated; service goes on.
    Warning,
    /// A request failed because of us.
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

impl Value for LogLevel {
    const KIND: &'static str = "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`";

    fn from_text(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "DEBUG" => Some(Self::Debug),
            "INFO" => Some(Self::Info),
            "WARNING" | "WARN" => Some(Self::Warning),
            "ERROR" => Some(Self::Error),
            "CRITICAL" => Some(Self::Critical),
            _ => None,
        }
    }
    fn show(&self) -> String {
        self.name().to_owned()
    }
}

pub(super) fn read_health(reader: &mut Reader<'_>) -> Health {
    let range = Duration::from_millis(10)..=Duration::from_secs(60);
    reader.section("health", |section| Health {
        timeout: section.within("timeout", DEFAULT_HEALTH_TIMEOUT, range),
    })
}

pub(super) fn read_migrations(reader: &mut Reader<'_>, project: &Path) -> Migrations {
    reader.section("migrations", |section| Migrations {
        directory: project.join(section.value("directory", PathBuf::from(DEFAULT_DIRECTORY))),
        skip: section.value("skip", Vec::new()),
    })
}

pub(super) fn read_log(reader: &mut Reader<'_>) -> Log {
    reader.section("log", |section| Log {
        level: section.aliased("level", "LOG_LEVEL", LogLevel::default()),
    })
}
