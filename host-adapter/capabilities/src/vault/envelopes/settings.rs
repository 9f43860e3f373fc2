//! How long envelopes are good for, and how many of them can be told apart.

use std::time::Duration;

use super::super::errors::SettingError;

const MAX_AGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);
const REPLAY_CAPACITY: (usize, usize) = (1, 10_000_000);

/// How long envelopes are good for, and how many can be in that time.
#[derive(Debug, Clone)]
pub struct EnvelopeSettings {
    /// The greatest age, 1 second to 1 hour. Shorter, and slow networks lose calls; longer, and
    /// more ids have to be remembered.
    pub max_age: Duration,
    /// How far in the future an envelope may have been sealed, at most 5 minutes: the difference
    /// between two machines' clocks.
    pub clock_skew: Duration,
    /// How many ids are remembered, 1 to 10,000,000, at up to 35 bytes each. When that many have
    /// been opened within `max_age` and `clock_skew`, further envelopes are refused: 500,000 are
    /// 7,600 in every second.
    pub replay_capacity: usize,
}

impl Default for EnvelopeSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(60),
            clock_skew: Duration::from_secs(5),
            replay_capacity: 500_000,
        }
    }
}

/// Refuse a setting outside its limits.
pub(super) fn check(settings: &EnvelopeSettings) -> Result<(), SettingError> {
    let EnvelopeSettings {
        max_age,
        clock_skew,
        replay_capacity,
    } = settings;
    let refuse = |name, expected: String, found| {
        Err(SettingError {
            name,
            expected,
            found,
        })
    };
    if !(MAX_AGE.0..=MAX_AGE.1).contains(max_age) {
        return refuse(
            "max_age",
            "between 1 second and 1 hour".to_owned(),
            format!("{max_age:?}"),
        );
    }
    if *clock_skew > MAX_CLOCK_SKEW {
        return refuse(
            "clock_skew",
            "at most 5 minutes".to_owned(),
            format!("{clock_skew:?}"),
        );
    }
    if !(REPLAY_CAPACITY.0..=REPLAY_CAPACITY.1).contains(replay_capacity) {
        let (least, most) = REPLAY_CAPACITY;
        let expected = format!("between {least} and {most}");
        return refuse("replay_capacity", expected, replay_capacity.to_string());
    }
    Ok(())
}
