//! Settings for operation: migrations.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
