//! Amounts between two limits, both included.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserializer, Serializer,
    de::{self, Unexpected, Visitor},
};

use crate::quantity::{self, DURATION_UNITS, SIZE_UNITS, Units};

/// An integer from `LEAST` to `MOST`.
pub type Integer<const LEAST: u64, const MOST: u64> = Limited<Count, LEAST, MOST>;
/// A duration from `LEAST` to `MOST` milliseconds, written `50ms`, `5s`, `15m`, `12h` or `7d`.
pub type Time<const LEAST: u64, const MOST: u64> = Limited<Milliseconds, LEAST, MOST>;
/// A size from `LEAST` to `MOST` bytes, written `4096`, `64KiB`, `1MiB` or `1GiB`.
pub type Size<const LEAST: u64, const MOST: u64> = Limited<Bytes, LEAST, MOST>;

/// The amounts of one kind from `LEAST` to `MOST`; its functions are for `#[serde(with = "…")]`.
pub struct Limited<K, const LEAST: u64, const MOST: u64>(PhantomData<K>);

/// A kind of amount: how it is called and written.
pub trait Kind {
    /// What an error calls it.
    const NAME: &'static str;
    /// The units that it is written with; empty for plain numbers.
    const UNITS: Units;
    /// Whether a number without a unit is accepted.
    const NUMBERS: bool;
}

/// Integers.
pub struct Count;
/// Durations, in milliseconds.
pub struct Milliseconds;
/// Sizes, in bytes.
pub struct Bytes;

impl Kind for Count {
    const NAME: &'static str = "an integer";
    const UNITS: Units = &[];
    const NUMBERS: bool = true;
}

impl Kind for Milliseconds {
    const NAME: &'static str = "a duration";
    const UNITS: Units = DURATION_UNITS;
    const NUMBERS: bool = false;
}

impl Kind for Bytes {
    const NAME: &'static str = "a size";
    const UNITS: Units = SIZE_UNITS;
    const NUMBERS: bool = true;
}

/// A type that a field with an amount can have.
pub trait Amount: Sized {
    /// The value of this amount, if it can hold it.
    fn from_amount(amount: u64) -> Option<Self>;
    /// Its amount.
    fn amount(&self) -> u64;
}

impl Amount for u32 {
    fn from_amount(amount: u64) -> Option<Self> {
        amount.try_into().ok()
    }
    fn amount(&self) -> u64 {
        (*self).into()
    }
}

impl Amount for usize {
    fn from_amount(amount: u64) -> Option<Self> {
        amount.try_into().ok()
    }
    fn amount(&self) -> u64 {
        (*self).try_into().unwrap_or(u64::MAX)
    }
}

impl Amount for Duration {
    fn from_amount(amount: u64) -> Option<Self> {
        Some(Self::from_millis(amount))
    }
    fn amount(&self) -> u64 {
        // Rounded up, so that a part of a millisecond above a limit is above it.
        let milliseconds = self.as_nanos().div_ceil(1_000_000);
        milliseconds.try_into().unwrap_or(u64::MAX)
    }
}

/// What is wrong with an amount outside of its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The limits, such as `an integer from 1 to 10`.
    pub expected: String,
    /// The amount.
    pub found: String,
}

impl<K: Kind, const LEAST: u64, const MOST: u64> Limited<K, LEAST, MOST> {
    /// The least.
    pub const LEAST: u64 = LEAST;
    /// The most.
    pub const MOST: u64 = MOST;

    /// Checks a value that was not read from settings.
    ///
    /// # Errors
    ///
    /// The value is outside of the limits.
    pub fn check<T: Amount>(value: &T) -> Result<(), Violation> {
        let amount = value.amount();
        if (LEAST..=MOST).contains(&amount) {
            return Ok(());
        }
        Err(Violation {
            expected: Expected::<K, LEAST, MOST>(PhantomData).to_string(),
            found: quantity::show(amount, K::UNITS),
        })
    }

    /// Writes an amount as settings have it.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<T: Amount, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if K::UNITS.is_empty() {
            return serializer.serialize_u64(value.amount());
        }
        serializer.serialize_str(&quantity::show(value.amount(), K::UNITS))
    }

    /// Reads an amount.
    ///
    /// # Errors
    ///
    /// It is of another kind, or outside of the limits.
    pub fn deserialize<'de, T: Amount, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let expected = Expected::<K, LEAST, MOST>(PhantomData);
        let amount = deserializer.deserialize_any(expected)?;
        T::from_amount(amount).ok_or_else(|| {
            let found = Unexpected::Unsigned(amount);
            de::Error::invalid_value(found, &Expected::<K, LEAST, MOST>(PhantomData))
        })
    }
}

struct Expected<K, const LEAST: u64, const MOST: u64>(PhantomData<K>);

impl<K: Kind, const LEAST: u64, const MOST: u64> fmt::Display for Expected<K, LEAST, MOST> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (
            quantity::show(LEAST, K::UNITS),
            quantity::show(MOST, K::UNITS),
        );
        write!(formatter, "{} from {least} to {most}", K::NAME)
    }
}

impl<K: Kind, const LEAST: u64, const MOST: u64> Visitor<'_> for Expected<K, LEAST, MOST> {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        let found = Unexpected::Unsigned(number);
        if !K::NUMBERS {
            return Err(E::invalid_type(found, &self));
        }
        if !(LEAST..=MOST).contains(&number) {
            return Err(E::invalid_value(found, &self));
        }
        Ok(number)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        let amount = quantity::parse(text, K::UNITS);
        amount
            .filter(|amount| (LEAST..=MOST).contains(amount))
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Deserialize, Serialize, Debug, PartialEq)]
    struct Settings {
        #[serde(with = "Integer::<1, 16>")]
        count: u32,
        #[serde(with = "Time::<10, 60_000>")]
        time: Duration,
        #[serde(with = "Size::<1_024, 65_536>")]
        size: usize,
    }

    fn read(count: &str, time: &str, size: &str) -> Result<Settings, String> {
        let text = format!("count = {count}\ntime = {time}\nsize = {size}");
        toml::from_str(&text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn amounts_are_written_as_they_are_read() {
        let settings = read("16", "\"60s\"", "4096").unwrap();
        assert_eq!(settings.size, 4_096);
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(text, "count = 16\ntime = \"1m\"\nsize = \"4KiB\"\n");
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
    }

    #[test]
    fn another_kind_and_an_amount_outside_are_rejected() {
        let expected = [
            (read("\"16\"", "\"1s\"", "1024"), "an integer from 1 to 16"),
            (read("0", "\"1s\"", "1024"), "an integer from 1 to 16"),
            (read("-1", "\"1s\"", "1024"), "an integer from 1 to 16"),
            (read("17", "\"1s\"", "1024"), "an integer from 1 to 16"),
            (read("1", "5", "1024"), "a duration from 10ms to 1m"),
            (read("1", "\"9ms\"", "1024"), "a duration from 10ms to 1m"),
            (read("1", "\"1s\"", "\"1MB\""), "a size from 1KiB to 64KiB"),
            (read("1", "\"1s\"", "1023"), "a size from 1KiB to 64KiB"),
        ];
        for (result, expected) in expected {
            let error = result.unwrap_err();
            assert!(error.ends_with(&format!("expected {expected}")), "{error}");
        }
    }

    #[test]
    fn a_value_from_elsewhere_is_checked_by_the_same_limits() {
        assert_eq!(Integer::<1, 16>::check(&16_u32), Ok(()));
        let violation = Time::<10, 60_000>::check(&Duration::from_micros(60_000_001)).unwrap_err();
        assert_eq!(violation.expected, "a duration from 10ms to 1m");
        assert_eq!(violation.found, "60001ms");
    }
}
