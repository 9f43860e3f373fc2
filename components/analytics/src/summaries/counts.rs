//! How many events there are, by type and by day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use service_kit::Failure;

use super::Result;

/// Maximum number of days in `by_day`. The latest days are kept. Senders choose the day of an
/// event, so without a limit a sender could make the summary larger than a document may be. Since
/// the latest days stay, events of earlier days cannot displace a day. A day that stays has been
/// counted from its first event on, because a removed day never comes back.
const MAX_DAYS: usize = 1_000;

/// Numbers of events by type.
pub(super) type ByType = BTreeMap<String, u64>;

/// Numbers of events by day and type, or by day and user.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Buckets(BTreeMap<String, ByType>);

impl Buckets {
    /// Reads the numbers of events per [`bucket`].
    pub(super) fn read(counted: Vec<(String, u64)>) -> Result<Self> {
        let mut buckets = Self::default();
        for (bucket, number) in counted {
            let Some((day, event_type)) = bucket.split_once(' ') else {
                let cause = "an event has a `bucket` that is not a day and a type";
                return Err(Failure::internal(cause));
            };
            buckets.add_one(day, event_type.to_owned(), number);
        }
        Ok(buckets)
    }

    pub(super) fn add_one(&mut self, day: &str, name: String, number: u64) {
        let own = self.0.entry(day.to_owned()).or_default();
        *own.entry(name).or_default() += number;
    }

    /// The types or users of a day.
    pub(super) fn names(&self, day: &str) -> impl Iterator<Item = &String> {
        self.0.get(day).into_iter().flat_map(BTreeMap::keys)
    }

    pub(super) fn days(&self) -> impl Iterator<Item = (&str, &ByType)> {
        self.0.iter().map(|(day, by_type)| (day.as_str(), by_type))
    }

    pub(super) fn add(&mut self, other: Self) {
        for (day, by_type) in other.0 {
            self.add_day(&day, by_type);
        }
    }

    pub(super) fn add_day(&mut self, day: &str, by_type: ByType) {
        let own = self.0.entry(day.to_owned()).or_default();
        for (event_type, number) in by_type {
            *own.entry(event_type).or_default() += number;
        }
    }

    /// Keeps the days from `from` up to, but not including, `to`.
    pub(super) fn keep_days(&mut self, from: Option<&str>, to: Option<&str>) {
        self.0.retain(|day, _| {
            from.is_none_or(|from| day.as_str() >= from) && to.is_none_or(|to| day.as_str() < to)
        });
    }
}

/// Numbers of events.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) by_type: BTreeMap<String, u64>,
    /// By day in UTC, such as `2026-01-31`, for the latest 1,000 days.
    pub(crate) by_day: BTreeMap<String, u64>,
}

/// The value of the field that events are counted by. It joins day and type, so that one query
/// counts by both, and the counts agree.
pub(crate) fn bucket(day: &str, event_type: &str) -> String {
    format!("{day} {event_type}")
}

impl Counts {
    pub(super) fn of(buckets: &Buckets) -> Self {
        let mut counts = Self::default();
        for (day, by_type) in &buckets.0 {
            for (event_type, number) in by_type {
                counts.total += number;
                *counts.by_type.entry(event_type.clone()).or_default() += number;
                *counts.by_day.entry(day.clone()).or_default() += number;
            }
        }
        counts.forget_early_days();
        counts
    }

    pub(super) fn add(&mut self, other: Self) {
        self.total += other.total;
        for (event_type, number) in other.by_type {
            *self.by_type.entry(event_type).or_default() += number;
        }
        for (day, number) in other.by_day {
            *self.by_day.entry(day).or_default() += number;
        }
        self.forget_early_days();
    }

    fn forget_early_days(&mut self) {
        while self.by_day.len() > MAX_DAYS {
            self.by_day.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(buckets: &[(&str, u64)]) -> Counts {
        let buckets = buckets.iter().map(|(name, n)| ((*name).to_owned(), *n));
        Counts::of(&Buckets::read(buckets.collect()).unwrap())
    }

    #[test]
    fn buckets_are_days_and_types() {
        let mut counts = of(&[("2026-01-31 search", 2), ("2026-01-31 page_view", 3)]);
        counts.add(of(&[("2026-02-01 search", 4)]));
        assert_eq!(counts.total, 9);
        assert_eq!(counts.by_type["search"], 6);
        assert_eq!(counts.by_day["2026-01-31"], 5);
        assert!(Buckets::read(vec![("nonsense".to_owned(), 1)]).is_err());
    }

    #[test]
    fn only_the_latest_days_stay_but_the_total_counts_all() {
        let day = |n: usize| format!("{:04}-01-01 search", 2000 + n);
        let days: Vec<String> = (0..=MAX_DAYS).map(day).collect();
        let one_by_one = days.iter().rev().fold(Counts::default(), |mut sum, day| {
            sum.add(of(&[(day, 1)]));
            sum
        });
        let days = days.into_iter().map(|day| (day, 1)).collect();
        let at_once = Counts::of(&Buckets::read(days).unwrap());
        assert_eq!(one_by_one, at_once);
        assert_eq!(at_once.by_day.len(), MAX_DAYS);
        assert!(!at_once.by_day.contains_key("2000-01-01"));
        assert_eq!(at_once.total, MAX_DAYS as u64 + 1);
    }
}
