//! How long envelopes are valid, and how many are remembered to reject replays.

use std::time::Duration;

use adapter_settings::{HOUR, Integer, MINUTE, SECOND, Time};
use serde::{Deserialize, Serialize};

use super::super::errors::SettingError;

type MaxAge = Time<SECOND, HOUR>;
type ClockSkew = Time<0, { 5 * MINUTE }>;
type ReplayCapacity = Integer<1, 10_000_000>;

/// Among which adapters an envelope can be opened only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayScope {
    /// [`Self::Database`] in production, and [`Self::Process`] otherwise.
    #[default]
    Auto,
    /// Each adapter knows what it has opened itself since its start.
    Process,
    /// All adapters on one PostgreSQL know what any of them has opened.
    Database,
}

/// The lifetime of envelopes, and the number of ids that are remembered.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct EnvelopeSettings {
    /// The age at which an envelope is rejected. If low, slow calls fail. If high, more ids must be
    /// remembered. The default is several times the slowest call and its retries.
    #[serde(with = "MaxAge")]
    pub max_age: Duration,
    /// How far another machine's clock may be ahead of this one's. Clocks that follow NTP differ by
    /// milliseconds.
    #[serde(with = "ClockSkew")]
    pub clock_skew: Duration,
    /// Among which adapters an envelope of a request can be opened only once. `database` costs a round trip
    /// to PostgreSQL for each of them, and none can be opened while PostgreSQL does not answer. With
    /// `process`, an envelope can be opened once at each adapter, and again after a restart.
    pub replay_scope: ReplayScope,
    /// How many ids are remembered, 1 to 10,000,000, at up to 35 bytes each; it is not read from
    /// settings. When that many have been opened within `max_age` and `clock_skew`, further envelopes
    /// are rejected. 500,000 ids allow 7,600 envelopes a second.
    #[serde(skip)]
    pub replay_capacity: usize,
}

impl Default for EnvelopeSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(60),
            clock_skew: Duration::from_secs(5),
            replay_scope: ReplayScope::Auto,
            replay_capacity: 500_000,
        }
    }
}

/// Rejects a setting outside its limits.
pub(super) fn check(settings: &EnvelopeSettings) -> Result<(), SettingError> {
    let capacity = ReplayCapacity::check(&settings.replay_capacity);
    SettingError::check("max_age", MaxAge::check(&settings.max_age))?;
    SettingError::check("clock_skew", ClockSkew::check(&settings.clock_skew))?;
    SettingError::check("replay_capacity", capacity)
}
