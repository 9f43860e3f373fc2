//! The cost of a hash, and how many there may be at once.

use adapter_settings::{Integer, processors};
use serde::{Deserialize, Serialize};

use super::super::errors::SettingError;

/// OWASP's smallest recommendation, to the second recommendation of RFC 9106.
pub(super) type MemoryKib = Integer<7_168, 65_536>;
pub(super) type Iterations = Integer<1, 10>;
pub(super) type Parallelism = Integer<1, 16>;
type Threads = Integer<1, 256>;
type Queue = Integer<0, 10_000>;
type AttemptsPerMinute = Integer<1, 1_000_000>;

/// How passwords are hashed (argon2id). Higher values are safer and slower. The
/// defaults are OWASP's first recommendation: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct PasswordSettings {
    /// Memory of one hash in KiB. Every running hash uses this amount.
    #[serde(with = "MemoryKib")]
    pub memory_kib: u32,
    /// Passes over that memory. Time grows in proportion.
    #[serde(with = "Iterations")]
    pub iterations: u32,
    /// Lanes (RFC 9106). They are computed one after another here, so more lanes do not save time.
    #[serde(with = "Parallelism")]
    pub parallelism: u32,
    /// How many hashes run at once. The default is one per processor: more only add memory.
    #[serde(with = "Threads")]
    pub threads: usize,
    /// How many more hashes may wait. Any further call is `unavailable` at once. At 20 ms each, 64 on two
    /// threads wait 0.7 s. In a longer queue, callers would give up before their hash is computed.
    #[serde(with = "Queue")]
    pub queue: usize,
    /// How often one address may try to log in or to register, at once and per minute. The default is
    /// enough for an office behind one address whose sessions last 15 minutes, and a password of a common
    /// list of ten thousand takes almost three hours.
    #[serde(with = "AttemptsPerMinute")]
    pub attempts_per_minute: u32,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            threads: processors(),
            queue: 64,
            attempts_per_minute: 60,
        }
    }
}

impl PasswordSettings {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        SettingError::check("threads", Threads::check(&self.threads))?;
        SettingError::check("queue", Queue::check(&self.queue))?;
        let per_minute = AttemptsPerMinute::check(&self.attempts_per_minute);
        SettingError::check("attempts_per_minute", per_minute)?;
        SettingError::check("memory_kib", MemoryKib::check(&self.memory_kib))?;
        SettingError::check("iterations", Iterations::check(&self.iterations))?;
        SettingError::check("parallelism", Parallelism::check(&self.parallelism))
    }
}
