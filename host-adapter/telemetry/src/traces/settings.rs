//! How much is recorded and kept.

use std::time::Duration;

use adapter_settings::{GIB, HOUR, Integer, MIB, Size, Time};
use serde::{Deserialize, Serialize};

/// Bounds of the traces in memory. OpenTelemetry's variables decide about the export.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct TraceSettings {
    /// Requests of a second that are recorded, unless `OTEL_TRACES_SAMPLER` is set. The default records
    /// every request of a person, and a small part of those of a loaded host.
    #[serde(with = "Integer::<0, 1_000_000>")]
    pub per_second: u32,
    /// Memory for traces, in bytes. The default keeps some thousand requests.
    #[serde(with = "Size::<0, GIB>")]
    pub memory: usize,
    /// A request that takes longer counts as slow. Slow and failed requests are kept longer than
    /// others. The default is what a person notices.
    #[serde(with = "Time::<1, HOUR>")]
    pub slow: Duration,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self {
            per_second: 50,
            memory: usize::try_from(8 * MIB).unwrap_or(usize::MAX),
            slow: Duration::from_millis(500),
        }
    }
}
