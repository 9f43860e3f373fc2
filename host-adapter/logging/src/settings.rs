//! What is logged, how and where.

use std::{collections::BTreeMap, path::PathBuf};

use adapter_settings::{GIB, Integer, KIB, Size};
use serde::{Deserialize, Deserializer, Serialize};

use crate::LogLevel;

/// What is logged, how and where.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct LogSettings {
    /// The least important lines that are still written.
    pub level: LogLevel,
    /// How lines are written.
    pub format: LogFormat,
    /// Directory of the files that `up` and `serve` write. Without it lines go to stderr only.
    #[serde(with = "adapter_settings::path")]
    pub directory: Option<PathBuf>,
    /// Directory in which Spin keeps what components write (`.spin/logs`). `serve` adds their lines to
    /// its own. Without it they stay there.
    #[serde(with = "adapter_settings::path")]
    pub spin_directory: Option<PathBuf>,
    /// The size at which a file is rotated, in bytes. The default opens in an editor at once, and holds
    /// some 40,000 lines.
    #[serde(with = "Size::<{ 4 * KIB }, GIB>")]
    pub max_file_size: usize,
    /// Rotated files that are kept of each file. By default a service takes at most 120 MiB.
    #[serde(with = "Integer::<1, 100>")]
    pub old_files: u32,
    /// Lines that may wait for stderr, and as many for files, in bytes. The default lasts for a second
    /// in which a disk takes nothing while 1,000 requests log 30 lines each.
    #[serde(with = "Size::<{ 64 * KIB }, GIB>")]
    pub queue: usize,
    /// Levels of single components instead of `level`, by name.
    #[serde(skip)]
    pub components: BTreeMap<String, LogLevel>,
    /// Levels of libraries.
    #[serde(skip)]
    pub libraries: LibraryLevels,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Auto,
            directory: None,
            spin_directory: None,
            max_file_size: 10 << 20,
            old_files: 5,
            queue: 8 << 20,
            components: BTreeMap::new(),
            libraries: LibraryLevels::default(),
        }
    }
}

/// The least important lines of libraries that are still written, by crate. Below WARNING, libraries
/// tell of every connection and statement, which buries what the adapter says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct LibraryLevels {
    /// Drives PostgreSQL.
    pub sqlx: LogLevel,
    /// Drives MongoDB.
    pub mongodb: LogLevel,
    /// Speaks HTTP, with `hyper_util`.
    pub hyper: LogLevel,
    /// Runs components, with its WASI.
    pub wasmtime: LogLevel,
    /// Every other library.
    pub others: LogLevel,
}

impl Default for LibraryLevels {
    fn default() -> Self {
        Self {
            sqlx: LogLevel::Warning,
            mongodb: LogLevel::Warning,
            hyper: LogLevel::Warning,
            wasmtime: LogLevel::Warning,
            others: LogLevel::Warning,
        }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, otherwise JSON.
    #[default]
    Auto,
    /// Aligned text; coloured on a terminal.
    Text,
    /// An object per line.
    Json,
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        adapter_settings::from_text(deserializer, "`auto`, `text` or `json`", |text| {
            Some(match text {
                "auto" => Self::Auto,
                "text" => Self::Text,
                "json" => Self::Json,
                _ => return None,
            })
        })
    }
}
