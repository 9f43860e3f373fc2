//! Where keys are, and how strict to be with them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use adapter_settings::{DAY, MINUTE, Time};
use serde::{Deserialize, Serialize};

/// Where keys are.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct KeySettings {
    /// Directory with one file per key, readable by its owner only.
    #[serde(with = "adapter_settings::path")]
    pub directory: PathBuf,
    /// Directory with the number of envelopes that each key has sealed, if the key directory cannot be
    /// written. Adapters that share keys share it, too.
    #[serde(with = "adapter_settings::path")]
    pub seals_directory: Option<PathBuf>,
}

impl KeySettings {
    /// Where the numbers of sealed envelopes are kept.
    #[must_use]
    pub fn seals_directory(&self) -> &Path {
        self.seals_directory.as_ref().unwrap_or(&self.directory)
    }
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            directory: ".spindle/keys".into(),
            seals_directory: None,
        }
    }
}

/// Seven days: long enough for every peer to be restarted with the new key, short enough that a key
/// that was replaced because it leaked is soon useless.
pub const DEFAULT_OLD_KEYS_READABLE_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The rules for the use of keys.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct Policy {
    /// Refuse to start without keys, and with development keys, instead of generating some. This is
    /// not a separate setting: `PRODUCTION` decides it.
    #[serde(skip)]
    pub production: bool,
    /// How long a replaced key still opens and verifies after its successor was created.
    #[serde(with = "Time::<MINUTE, { 365 * DAY }>")]
    pub old_keys_readable_for: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            production: false,
            old_keys_readable_for: DEFAULT_OLD_KEYS_READABLE_FOR,
        }
    }
}
