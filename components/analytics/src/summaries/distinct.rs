//! How many different users there are: exactly while they are few, and estimated beyond.
//!
//! Few users are kept as hashes. Many become the registers of a `HyperLogLog`, whose size does not grow, with the
//! estimator of Ertl, "New cardinality estimation algorithms for `HyperLogLog` sketches" (arXiv:1702.01284). To add a
//! user again changes nothing, so the users of several days can be joined, and nothing is wrong if a slice is added
//! twice.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// Bits of a hash that choose its register. The standard error is `1.04 / sqrt(REGISTERS)`, which is 1.6 %.
const INDEX_BITS: u32 = 12;

const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of a hash. Two of 100,000 users have the same one in 1 of 50,000 cases.
const HASH_BITS: u32 = 48;

/// Bits of a hash that do not choose its register. A register has at most one more.
const RANK_BITS: u32 = HASH_BITS - INDEX_BITS;

/// Users of a day that are counted exactly: as many as take the room of the registers.
const MAX_EXACT_OF_DAY: usize = 500;

/// Users of a period that are counted exactly. Days of an application with few users add up to more.
const MAX_EXACT_OF_PERIOD: usize = 10_000;

/// Kept text begins with the first if it has hashes, and with the second if it has registers.
const EXACT: char = '=';
const ESTIMATED: char = '~';

/// The characters of kept text have 6 bits each, from this one on.
const DIGIT: u8 = b'0';
const DIGIT_BITS: u32 = 6;
const DIGITS_OF_HASH: usize = (HASH_BITS / DIGIT_BITS) as usize;

/// `lim alpha(m)` of `HyperLogLog`, `1 / (2 ln 2)`.
const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;

/// A set of users that is made to be counted.
#[derive(Debug)]
pub(crate) struct DistinctUsers {
    max_exact: usize,
    /// Empty if there are registers.
    hashes: HashSet<u64>,
    /// Empty while the users are few.
    registers: Vec<u8>,
}

impl DistinctUsers {
    /// No users of a day.
    pub(super) fn of_day() -> Self {
        Self::new(MAX_EXACT_OF_DAY)
    }

    /// No users of a period.
    pub(super) fn of_period() -> Self {
        Self::new(MAX_EXACT_OF_PERIOD)
    }

    fn new(max_exact: usize) -> Self {
        let (hashes, registers) = (HashSet::new(), Vec::new());
        Self {
            max_exact,
            hashes,
            registers,
        }
    }

    pub(super) fn add_all<'a>(&mut self, users: impl IntoIterator<Item = &'a String>) {
        for user in users {
            self.add(hash(user));
        }
    }

    /// The same users and these.
    pub(super) fn with(mut self, users: &[String]) -> Self {
        self.add_all(users);
        self
    }

    pub(super) fn join(&mut self, other: &Self) {
        for hash in &other.hashes {
            self.add(*hash);
        }
        if !other.registers.is_empty() {
            self.estimate();
            for (own, rank) in self.registers.iter_mut().zip(&other.registers) {
                *own = (*own).max(*rank);
            }
        }
    }

    /// Whether [`Self::count`] is an estimate.
    pub(crate) fn is_estimated(&self) -> bool {
        !self.registers.is_empty()
    }

    /// The number of users.
    pub(crate) fn count(&self) -> u64 {
        if self.is_estimated() {
            estimate(&self.registers)
        } else {
            self.hashes.len() as u64
        }
    }

    fn add(&mut self, hash: u64) {
        if !self.registers.is_empty() {
            self.raise(hash);
            return;
        }
        self.hashes.insert(hash);
        if self.hashes.len() > self.max_exact {
            self.estimate();
        }
    }

    /// Turns hashes into registers.
    fn estimate(&mut self) {
        if self.registers.is_empty() {
            self.registers = vec![0; REGISTERS];
            for hash in std::mem::take(&mut self.hashes) {
                self.raise(hash);
            }
        }
    }

    fn raise(&mut self, hash: u64) {
        let rest = (hash >> INDEX_BITS) | (1 << RANK_BITS);
        let rank = rest.trailing_zeros() as u8 + 1;
        let index = hash as usize % REGISTERS;
        if let Some(register) = self.registers.get_mut(index) {
            *register = (*register).max(rank);
        }
    }

    /// Writes the users of a day as they are kept.
    pub(super) fn to_text(&self) -> String {
        let digit = |bits: u8| char::from(DIGIT + bits);
        if self.is_estimated() {
            let registers = self.registers.iter().map(|rank| digit(*rank));
            return std::iter::once(ESTIMATED).chain(registers).collect();
        }
        let digits = |hash: u64| {
            let shifts = (0..HASH_BITS).step_by(DIGIT_BITS as usize);
            shifts.map(move |shift| digit((hash >> shift) as u8 % (1 << DIGIT_BITS)))
        };
        let hashes = self.hashes.iter().flat_map(|hash| digits(*hash));
        std::iter::once(EXACT).chain(hashes).collect()
    }

    /// Reads the users of a day. Returns `None` if the text has another form, which a later version may write.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut users = Self::of_day();
        if let Some(registers) = text.strip_prefix(ESTIMATED) {
            let registers = registers.bytes().map(bits);
            users.registers = registers.collect::<Option<_>>()?;
            return (users.registers.len() == REGISTERS).then_some(users);
        }
        let digits = text.strip_prefix(EXACT)?.as_bytes();
        for digits in digits.chunks(DIGITS_OF_HASH) {
            let mut hash = 0;
            for digit in digits.iter().rev() {
                hash = hash << DIGIT_BITS | u64::from(bits(*digit)?);
            }
            users.hashes.insert(hash);
        }
        Some(users)
    }
}

fn bits(digit: u8) -> Option<u8> {
    let bits = digit.checked_sub(DIGIT)?;
    (bits < 1 << DIGIT_BITS).then_some(bits)
}

/// The hash is stored, so it must stay the same in all versions.
fn hash(user: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(user).into();
    let bytes = digest.iter().take(HASH_BITS as usize / 8);
    bytes.fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// Algorithm 6 of Ertl's paper.
fn estimate(registers: &[u8]) -> u64 {
    let mut with_rank = [0_u32; RANK_BITS as usize + 2];
    for rank in registers {
        if let Some(number) = with_rank.get_mut(usize::from(*rank)) {
            *number += 1;
        }
    }
    let [none, ranks @ .., highest] = with_rank;
    let all = REGISTERS as f64;
    let mut sum = all * tau(1.0 - f64::from(highest) / all);
    for number in ranks.iter().rev() {
        sum = 0.5 * (sum + f64::from(*number));
    }
    sum += all * sigma(f64::from(none) / all);
    (ALPHA * all * all / sum).round() as u64
}

fn sigma(share: f64) -> f64 {
    let (mut power, mut factor, mut sum) = (share, 1.0, share);
    // All registers are 0 only without users, which are counted exactly.
    while power < 1.0 {
        power *= power;
        let next = sum + power * factor;
        if next == sum {
            return sum;
        }
        (sum, factor) = (next, factor + factor);
    }
    f64::INFINITY
}

fn tau(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return 0.0;
    }
    let (mut root, mut factor, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        factor *= 0.5;
        let next = sum - (1.0 - root) * (1.0 - root) * factor;
        if next == sum {
            return sum / 3.0;
        }
        sum = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(numbers: std::ops::Range<usize>) -> DistinctUsers {
        let mut users = DistinctUsers::of_day();
        users.add_all(&numbers.map(|n| format!("user-{n}")).collect::<Vec<_>>());
        users
    }

    fn again(users: &DistinctUsers) -> DistinctUsers {
        let text = users.to_text();
        assert!(text.len() <= REGISTERS + 1);
        DistinctUsers::from_text(&text).unwrap()
    }

    #[test]
    fn few_users_are_counted_exactly() {
        for number in [0, 1, MAX_EXACT_OF_DAY] {
            let few = again(&users(0..number));
            assert_eq!((few.count(), few.is_estimated()), (number as u64, false));
        }
        let mut days = DistinctUsers::of_period();
        for day in 0..20 {
            let first = day * 400;
            days.join(&again(&users(first..first + 450)));
        }
        assert_eq!((days.count(), days.is_estimated()), (8_050, false));
    }

    #[test]
    fn many_users_are_estimated() {
        for number in [MAX_EXACT_OF_DAY + 1, 5_000, 20_000, 300_000] {
            let many = again(&users(0..number));
            let error = many.count() as f64 / number as f64 - 1.0;
            assert!(
                many.is_estimated() && error.abs() < 0.05,
                "{number}: {error}"
            );
        }
    }

    #[test]
    fn users_of_several_days_count_once() {
        let mut days = DistinctUsers::of_period();
        for users in [users(0..3_000), users(1_000..4_000), users(2_000..2_100)] {
            days.join(&users);
        }
        let all = users(0..4_000);
        assert_eq!((days.count(), days.is_estimated()), (all.count(), true));
        days.join(&all);
        assert_eq!(days.count(), all.count());
    }

    #[test]
    fn text_of_another_form_is_not_read() {
        for text in ["", "0", "=\n", "~000", "!0"] {
            assert!(DistinctUsers::from_text(text).is_none(), "{text:?}");
        }
    }
}
