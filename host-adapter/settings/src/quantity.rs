//! Amounts with a unit, as settings write them: `50ms`, `15m`, `7d`; `64KiB`, `1GiB`, `4096`.
//!
//! One number and one unit, nothing else: what is read is also what `config check` prints, so a
//! person can copy from one into the other. `humantime` and `bytesize` read and print more notations
//! than that, such as `1h 30sec` and `1.5 MB`.

use std::time::Duration;

/// Names of units and how much of the smallest unit each is.
pub(crate) type Units = &'static [(&'static str, u64)];

/// Units of time, in milliseconds, largest first so that the shortest notation is found.
pub(crate) const DURATION_UNITS: Units = &[
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Units of memory, in bytes. The empty unit is bytes.
pub(crate) const SIZE_UNITS: Units = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("", 1),
];

/// The duration that `text` is; `None` if it is not one number and one unit.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, DURATION_UNITS).map(Duration::from_millis)
}

/// The bytes that `text` is; `None` if it is not one number with at most one unit.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    parse(text, SIZE_UNITS)
}

/// The amount that `text` is, in the smallest of `units`; `None` if it is not one number followed by
/// one of them, or is too large.
pub(crate) fn parse(text: &str, units: Units) -> Option<u64> {
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let number = text.strip_suffix(unit)?;
    let scale = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    number.parse::<u64>().ok()?.checked_mul(scale)
}

/// `amount` in the largest unit that takes no fraction.
pub(crate) fn show(amount: u64, units: Units) -> String {
    let whole = units
        .iter()
        .find(|(_, scale)| amount >= *scale && amount.is_multiple_of(*scale))
        .or(units.last());
    match whole {
        Some((name, scale)) => format!("{}{name}", amount / scale),
        None => amount.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_and_one_unit_are_read() {
        assert_eq!(parse("50ms", DURATION_UNITS), Some(50));
        assert_eq!(parse("7d", DURATION_UNITS), Some(604_800_000));
        assert_eq!(parse("64 MiB", SIZE_UNITS), Some(64 << 20));
        assert_eq!(parse("4096", SIZE_UNITS), Some(4096));
    }

    #[test]
    fn anything_else_is_rejected() {
        for text in [
            "",
            "s",
            "-5s",
            "1.5s",
            "5",
            "5 s s",
            "5sec",
            "99999999999999999999ms",
        ] {
            assert_eq!(parse(text, DURATION_UNITS), None, "{text}");
        }
        for text in ["", "MiB", "1MB", "1mib", "18446744073709551615KiB"] {
            assert_eq!(parse(text, SIZE_UNITS), None, "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_the_same() {
        for (text, amount) in [
            ("90s", 90_000),
            ("15m", 900_000),
            ("0ms", 0),
            ("1d", 86_400_000),
        ] {
            assert_eq!(show(amount, DURATION_UNITS), text);
            assert_eq!(parse(text, DURATION_UNITS), Some(amount));
        }
        assert_eq!(show(1_536, SIZE_UNITS), "1536");
        assert_eq!(show(64 << 20, SIZE_UNITS), "64MiB");
    }
}
