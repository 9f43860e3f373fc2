//! Counts of the events of a period and of their users: whole days from the summary, and the rest by query.

use service_kit::collection::filter::{Filter, gte, lt};
use service_kit::input::Period;
use service_kit::{Failure, OffsetDateTime, clock};
use time::{Date, Time};

use super::summary::Summary;
use super::{Counts, DistinctUsers, Error, READINGS, Result, days, events, store, tail};

/// The counts of a period.
#[derive(Debug)]
pub(crate) struct PeriodCounts {
    pub(crate) counts: Counts,
    /// Missing if there are too many users in parts of days, or if those of a day are not kept because an earlier
    /// version has counted it.
    pub(crate) users: Option<DistinctUsers>,
    /// Whether events of parts of days may be missing, because they were removed. Whole days are complete.
    pub(crate) lacks_events: bool,
    /// Whether events of the period may have been removed, so that they do not tell its users.
    pub(crate) lacks_users: bool,
}

/// The parts of a period.
#[derive(Debug, Default, PartialEq)]
struct Parts {
    /// The whole days, if there are any: from the first, up to but not including the second.
    days: Option<(Option<String>, Option<String>)>,
    /// The parts of days before and after them.
    edges: Vec<(Option<OffsetDateTime>, Option<OffsetDateTime>)>,
}

/// Counts the events of a period.
///
/// # Errors
/// [`Error::TooManyDays`] if it has events on too many days.
pub(crate) async fn count(period: Period) -> Result<PeriodCounts, Error> {
    let parts = split(period);
    let mut all = days::Days::none();
    for (from, to) in &parts.edges {
        all.add(count_edge(&filter(*from, *to)).await?);
    }
    if let Some((from, to)) = &parts.days {
        all.add(count_days(from.as_deref(), to.as_deref()).await?);
    }
    let (counts, users) = (Counts::of(&all.buckets), all.users);
    let removed = store::read(store::REMOVED).await?;
    let Some(removed) = removed.filter(|removed| removed.slice > 0) else {
        return Ok(PeriodCounts {
            counts,
            users,
            lacks_events: false,
            lacks_users: false,
        });
    };
    let mut lacks_events = false;
    for (from, to) in parts.edges {
        lacks_events = lacks_events || had_events(&removed, from, to).await?;
    }
    Ok(PeriodCounts {
        counts,
        users,
        lacks_events,
        lacks_users: lacks_events || had_events(&removed, period.from, period.to).await?,
    })
}

/// Whether events of these days were removed.
async fn had_events(
    removed: &Summary,
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
) -> Result<bool> {
    let (from, to) = (from.map(clock::day), to.map(clock::day));
    days::has_any(removed, from.as_deref(), to.as_deref()).await
}

/// Counts the events of a part of a day.
async fn count_edge(filter: &Filter) -> Result<days::Days, Error> {
    // In this order, as in `tail::count`.
    let buckets = events::buckets(filter).await?;
    let users = events::users_at_once(filter).await?;
    let users = users.map(|users| DistinctUsers::of_period().with(&users));
    Ok(days::Days { buckets, users })
}

async fn count_days(from: Option<&str>, to: Option<&str>) -> Result<days::Days, Error> {
    for _ in 0..READINGS {
        let summary = store::read(store::SUMMARY).await?.unwrap_or_default();
        let newer = count_newer(&summary, from, to).await?;
        // A rebuild removes the days of the summary that it replaces.
        if let Some(mut summarised) = days::read(&summary, from, to).await?
            && store::still_holds(&summary).await?
        {
            summarised.add(newer);
            return Ok(summarised);
        }
    }
    let cause = "the summary was replaced each time it was read";
    Err(Failure::unavailable(cause).into())
}

/// Counts the events of some days that the summary does not have yet.
async fn count_newer(
    summary: &Summary,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<days::Days> {
    let mut buckets = tail::buckets(summary.position).await?;
    buckets.keep_days(from, to);
    let mut users = Some(DistinctUsers::of_period());
    if buckets.days().next().is_some() {
        let of_days = Filter::default()
            .and_maybe(from.map(|from| gte("bucket", from)))
            .and_maybe(to.map(|to| lt("bucket", to)));
        let newer = tail::users(summary.position, &of_days).await?;
        users = newer.map(|newer| DistinctUsers::of_period().with(&newer));
    }
    Ok(days::Days { buckets, users })
}

fn split(period: Period) -> Parts {
    let first = period.from.map(first_whole_day);
    let end = period.to.map(OffsetDateTime::date);
    let has_days = match (first, end) {
        (Some(None), _) => false,
        (Some(Some(first)), Some(end)) => first < end,
        _ => true,
    };
    if !has_days {
        return Parts {
            days: None,
            edges: vec![(period.from, period.to)],
        };
    }
    let mut edges = Vec::new();
    let first = first.flatten();
    if let (Some(from), Some(first)) = (period.from, first.map(midnight))
        && from < first
    {
        edges.push((Some(from), Some(first)));
    }
    if let (Some(to), Some(end)) = (period.to, end.map(midnight))
        && end < to
    {
        edges.push((Some(end), Some(to)));
    }
    let day = |date: Date| clock::day(midnight(date));
    Parts {
        days: Some((first.map(day), end.map(day))),
        edges,
    }
}

/// Returns the first day that begins at a moment or after it, if the calendar has one.
fn first_whole_day(moment: OffsetDateTime) -> Option<Date> {
    if moment.time() == Time::MIDNIGHT {
        Some(moment.date())
    } else {
        moment.date().next_day()
    }
}

fn midnight(date: Date) -> OffsetDateTime {
    date.midnight().assume_utc()
}

fn filter(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> Filter {
    let (from, to) = (
        from.map(|from| gte("timestamp", from)),
        to.map(|to| lt("timestamp", to)),
    );
    Filter::default().and_maybe(from).and_maybe(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_period_is_split_into_days_and_edges() {
        let noon = |day: u8| datetime!(2026-01-01 12:00 UTC).replace_day(day).unwrap();
        let start = |day: u8| datetime!(2026-01-01 00:00 UTC).replace_day(day).unwrap();
        let of = |from, to| split(Period { from, to });
        let name = |day: u8| Some(format!("2026-01-0{day}"));
        let whole = of(Some(start(1)), Some(start(3)));
        assert_eq!(whole.days, Some((name(1), name(3))));
        assert!(whole.edges.is_empty());
        let parts = of(Some(noon(1)), Some(noon(4)));
        assert_eq!(parts.days, Some((name(2), name(4))));
        let edges = [
            (Some(noon(1)), Some(start(2))),
            (Some(start(4)), Some(noon(4))),
        ];
        assert_eq!(parts.edges, edges);
        let open = of(None, Some(noon(4)));
        assert_eq!(open.days, Some((None, name(4))));
        assert_eq!(open.edges, edges[1..]);
        for (from, to) in [
            (noon(1), noon(1) + time::Duration::HOUR),
            (noon(1), noon(2)),
        ] {
            let part = of(Some(from), Some(to));
            assert_eq!(
                (part.days, part.edges),
                (None, vec![(Some(from), Some(to))])
            );
        }
    }
}
