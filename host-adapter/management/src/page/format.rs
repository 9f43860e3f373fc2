//! Times and amounts as a person reads them.

use std::time::{Duration, SystemTime};

/// A duration with three digits at most: `840 µs`, `12.4 ms`, `1.25 s`.
pub(super) fn duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    let milliseconds = duration.as_secs_f64() * 1_000.0;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{milliseconds:.2} ms"),
        10_000..100_000 => format!("{milliseconds:.1} ms"),
        100_000..1_000_000 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}

/// How long ago `time` was: `12 s`, `5 min`, `3 h`, `2 days`.
pub(super) fn age(time: SystemTime) -> String {
    let seconds = time.elapsed().unwrap_or_default().as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (micros, text) in [
            (840, "840 µs"),
            (1_250, "1.25 ms"),
            (12_430, "12.4 ms"),
            (250_400, "250 ms"),
            (1_250_000, "1.25 s"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let ago = |seconds| age(SystemTime::now() - Duration::from_secs(seconds));
        assert_eq!(ago(12), "12 s");
        assert_eq!(ago(300), "5 min");
        assert_eq!(ago(10_800), "3 h");
        assert_eq!(ago(200_000), "2 days");
    }
}
