//! Statistics of a user's activities.

use std::collections::BTreeMap;

use service_kit::OffsetDateTime;
use service_kit::input::Period;
use time::{Duration, Time};
use uuid::Uuid;

use super::ACTIVITIES;
use super::activity_counts::{self, Days, Kept, of_user};
use crate::day::Day;
use crate::error::Result;
use crate::schemas::ActivityStatistics;

/// Days in the answer. The latest stay.
const MAX_DAYS: usize = 1_000;

/// Moments from the first up to, but not including, the second; unbounded where one is missing.
type Range = (Option<OffsetDateTime>, Option<OffsetDateTime>);

/// Returns the statistics of a user's activities within `period`. Whole days come from what is kept of them, and the
/// rest is counted.
pub(crate) async fn activity_statistics(
    user_id: Uuid,
    period: Period,
) -> Result<ActivityStatistics> {
    let kept = activity_counts::up_to_date(user_id).await?;
    let (days, rest) = split(period, kept.as_ref());
    let (mut by_action, mut by_day) = (BTreeMap::new(), Days::new());
    if let (Some(kept), Some((from, to))) = (&kept, days) {
        let days_of_period = Day::of(from)..Day::of(to);
        for (action, days) in &kept.numbers {
            let mut of_action = 0;
            let days = days.iter().filter(|(day, _)| days_of_period.contains(day));
            for (day, number) in days {
                of_action += number;
                *by_day.entry(*day).or_default() += number;
            }
            if of_action > 0 {
                by_action.insert(action.clone(), of_action);
            }
        }
    }
    for (from, to) in rest {
        let filter = of_user(user_id, from, to);
        for (action, number) in ACTIVITIES.count_by("action", filter.clone()).await? {
            *by_action.entry(action).or_default() += number;
        }
        for (day, number) in ACTIVITIES.count_by("day", filter).await? {
            *by_day.entry(day).or_default() += number;
        }
    }
    Ok(ActivityStatistics {
        // Each activity has exactly one action, so the sum of the counts saves a query.
        total: by_action.values().sum(),
        by_action,
        by_day: latest(by_day),
    })
}

fn latest(mut by_day: Days) -> Days {
    let surplus = by_day.len().saturating_sub(MAX_DAYS);
    match by_day.keys().nth(surplus).copied() {
        Some(first) if surplus > 0 => by_day.split_off(&first),
        _ => by_day,
    }
}

/// Splits a period into whole days that are kept, and the rest.
fn split(
    period: Period,
    kept: Option<&Kept>,
) -> (Option<(OffsetDateTime, OffsetDateTime)>, Vec<Range>) {
    let (from, to) = (period.from, period.to);
    let Some(kept) = kept else {
        return (None, vec![(from, to)]);
    };
    let first = from.map_or(kept.from, |from| start_of_whole_day(from).max(kept.from));
    let end = to.map_or(kept.until, |to| {
        to.replace_time(Time::MIDNIGHT).min(kept.until)
    });
    if first >= end {
        return (None, vec![(from, to)]);
    }
    let mut rest = Vec::new();
    let is_first = kept.is_from_first && from.is_none_or(|from| from <= kept.from);
    if !is_first && from.is_none_or(|from| from < first) {
        rest.push((from, Some(first)));
    }
    if to.is_none_or(|to| end < to) {
        rest.push((Some(end), to));
    }
    (Some((first, end)), rest)
}

/// Returns the first midnight that is not before a moment.
fn start_of_whole_day(moment: OffsetDateTime) -> OffsetDateTime {
    let midnight = moment.replace_time(Time::MIDNIGHT);
    if midnight == moment {
        return midnight;
    }
    midnight.checked_add(Duration::DAY).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn at(day: u8, hour: u8) -> OffsetDateTime {
        datetime!(2026-01-01 00:00 UTC) + Duration::days(day.into()) + Duration::hours(hour.into())
    }

    fn split(
        from: Option<OffsetDateTime>,
        to: Option<OffsetDateTime>,
        is_from_first: bool,
    ) -> (Option<(OffsetDateTime, OffsetDateTime)>, Vec<Range>) {
        let kept = Kept {
            from: at(10, 0),
            until: at(20, 0),
            is_from_first,
            numbers: std::collections::BTreeMap::new(),
        };
        super::split(Period { from, to }, Some(&kept))
    }

    #[test]
    fn kept_days_are_not_counted() {
        let all = Some((at(10, 0), at(20, 0)));
        assert_eq!(
            split(None, None, true),
            (all, vec![(Some(at(20, 0)), None)])
        );
        let rest = vec![(None, Some(at(10, 0))), (Some(at(20, 0)), None)];
        assert_eq!(split(None, None, false), (all, rest));
        let days = split(Some(at(12, 0)), Some(at(14, 0)), true);
        assert_eq!(days, (Some((at(12, 0), at(14, 0))), vec![]));
        let parts = split(Some(at(12, 5)), Some(at(14, 5)), false);
        let rest = vec![
            (Some(at(12, 5)), Some(at(13, 0))),
            (Some(at(14, 0)), Some(at(14, 5))),
        ];
        assert_eq!(parts, (Some((at(13, 0), at(14, 0))), rest));
        for (from, to) in [
            (at(12, 1), at(12, 2)),
            (at(1, 0), at(5, 0)),
            (at(21, 0), at(25, 0)),
        ] {
            let rest = vec![(Some(from), Some(to))];
            assert_eq!(split(Some(from), Some(to), true), (None, rest));
        }
    }

    #[test]
    fn the_latest_days_stay() {
        let day = |n| Day::of(at(0, 0) + Duration::days(n));
        let days = latest((0..1_004).map(|n| (day(n), 1)).collect());
        assert_eq!(days.len(), MAX_DAYS);
        assert_eq!(days.keys().next(), Some(&day(4)));
    }
}
