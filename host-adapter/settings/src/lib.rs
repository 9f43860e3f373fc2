//! How settings are written, for `#[serde(with = "…")]` on the fields of settings.
//!
//! Each crate defines its own settings: a struct that derives serde's traits, whose `Default` gives
//! the defaults and whose fields name their limits with the types of this crate. `host-adapter` finds
//! the values, in the file or in variables. Every crate may depend on this one, which depends on none
//! of ours.

#[cfg(test)]
mod fuzz;
mod limited;
mod quantity;
mod text;

pub use limited::{Integer, Size, Time, Violation};
pub use quantity::{parse_duration, parse_size};
pub use text::{address, from_text, path};

/// Milliseconds of a second, for the limits of a [`Time`].
pub const SECOND: u64 = 1_000;
/// Milliseconds of a minute.
pub const MINUTE: u64 = 60 * SECOND;
/// Milliseconds of an hour.
pub const HOUR: u64 = 60 * MINUTE;
/// Milliseconds of a day.
pub const DAY: u64 = 24 * HOUR;

/// Bytes of a kibibyte, for the limits of a [`Size`].
pub const KIB: u64 = 1 << 10;
/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;
/// Bytes of a gibibyte.
pub const GIB: u64 = 1 << 30;

/// The processors that this process may use; 1 if the system does not say, and at most 256.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().min(256))
}
