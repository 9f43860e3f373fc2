//! The counts of a summary per day and type, so that a period costs by its days and not by its events.
//!
//! Each day is a document beside the summary. It has the counts up to the last slice with an event of the
//! day, and those before that slice, because it is written before the summary is complete. A worker changes a
//! day only if it does not have the slice yet, so every slice counts once. A reader takes the counts that belong
//! to its summary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_kit::Collection;
use service_kit::adapter::documents::Direction;
use service_kit::collection::Update;
use service_kit::collection::filter::{eq, gt, gte, is_in, lt, lte};

use super::counts::{Buckets, ByType};
use super::summary::Summary;
use super::{Error, Result};

const DAYS: Collection<Day> = Collection::new("event_summaries");

/// Days that are read at once. A result of 1,000 could be cut off.
const PAGE: usize = 500;

/// Maximum number of days with events in a period: more than 27 years. Senders choose the day of an event,
/// and anyone may ask for a period.
const MAX_DAYS: usize = 10_000;

/// The counts of a day.
#[derive(Debug, Serialize, Deserialize)]
struct Day {
    /// The summary's generation, and the day.
    #[serde(rename = "_id")]
    key: String,
    /// The last slice with an event of the day.
    slice: u64,
    /// The counts up to that slice.
    by_type: ByType,
    before: Option<Before>,
}

/// The counts of a day before its last slice.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    slice: u64,
    by_type: ByType,
}

/// Adds the events of the slice after `summary`, unless another worker has done it.
pub(super) async fn add(summary: &Summary, buckets: &Buckets) -> Result<()> {
    let slice = summary.slice + 1;
    let days: Vec<_> = buckets.days().collect();
    for days in days.chunks(PAGE) {
        let keys = days.iter().map(|(day, _)| key(summary, day));
        let known = DAYS.find(is_in("_id", keys)).fetch_all().await?;
        let mut known: BTreeMap<_, _> = known
            .into_iter()
            .map(|day| (day.key.clone(), day))
            .collect();
        let mut fresh = Vec::new();
        for (day, by_type) in days {
            let key = key(summary, day);
            match known.remove(&key) {
                Some(day) => add_to(day, slice, by_type).await?,
                None => fresh.push(Day {
                    key,
                    slice,
                    by_type: (*by_type).clone(),
                    before: None,
                }),
            }
        }
        DAYS.insert_all(fresh).await?;
    }
    Ok(())
}

async fn add_to(day: Day, slice: u64, more: &ByType) -> Result<()> {
    if day.slice >= slice {
        return Ok(());
    }
    let mut by_type = day.by_type.clone();
    for (event_type, number) in more {
        *by_type.entry(event_type.clone()).or_default() += number;
    }
    let before = Before {
        slice: day.slice,
        by_type: day.by_type,
    };
    let next = json!({"slice": slice, "by_type": by_type, "before": before});
    let unchanged = eq("_id", day.key).and(eq("slice", day.slice));
    DAYS.update(unchanged, Update::set_all(&next)).await?;
    Ok(())
}

/// Returns the counts in `summary` of the days from `from` up to, but not including, `to`. Returns `None` if
/// the summary was replaced meanwhile.
pub(super) async fn read(
    summary: &Summary,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Option<Buckets>, Error> {
    let mut buckets = Buckets::default();
    let first = gte("_id", key(summary, from.unwrap_or_default()));
    // `!` is the character after the space, so it ends the keys of the generation.
    let end = to.map_or_else(|| format!("{}!", summary.generation), |to| key(summary, to));
    let mut rest = first.and(lt("_id", &end));
    for _ in 0..MAX_DAYS / PAGE {
        let page = DAYS.find(rest).order_by("_id", Direction::Ascending);
        let days = page.limit(PAGE as u32).fetch_all().await?;
        let last = days.last().map(|day| day.key.clone());
        let is_full = days.len() == PAGE;
        for day in days {
            let Some(by_type) = by_type_at(summary.slice, &day) else {
                return Ok(None);
            };
            let name = day.key.split_once(' ').map_or("", |(_, day)| day);
            buckets.add_day(name, by_type);
        }
        match last {
            Some(last) if is_full => rest = gt("_id", last).and(lt("_id", &end)),
            _ => return Ok(Some(buckets)),
        }
    }
    Err(Error::TooManyDays)
}

/// Copies the days of the summary `from` to a rebuild that begins with its counts.
pub(super) async fn copy(from: &Summary, rebuild: &Summary) -> Result<()> {
    let end = format!("{}!", from.generation);
    let mut after = key(from, "");
    loop {
        let rest = gt("_id", &after).and(lt("_id", &end));
        let page = DAYS.find(rest).order_by("_id", Direction::Ascending);
        let days = page.limit(PAGE as u32).fetch_all().await?;
        let Some(last) = days.last() else {
            return Ok(());
        };
        after.clone_from(&last.key);
        let copied = days.iter().filter_map(|day| {
            Some(Day {
                key: key(rebuild, day.key.split_once(' ')?.1),
                slice: from.slice,
                by_type: by_type_at(from.slice, day)?,
                before: None,
            })
        });
        DAYS.insert_all(copied).await?;
    }
}

/// Returns whether the summary has events of the days from `from` to `to`, or may soon have some.
pub(super) async fn has_any(
    summary: &Summary,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<bool> {
    let first = gte("_id", key(summary, from.unwrap_or_default()));
    let last = to.map_or_else(|| format!("{}!", summary.generation), |to| key(summary, to));
    let found = DAYS.find(first.and(lte("_id", last)));
    Ok(found.fetch_optional().await?.is_some())
}

/// Returns the counts of a day at a slice, or `None` if they are not kept any more.
fn by_type_at(slice: u64, day: &Day) -> Option<ByType> {
    match &day.before {
        _ if day.slice <= slice => Some(day.by_type.clone()),
        Some(before) if before.slice <= slice => Some(before.by_type.clone()),
        Some(_) => None,
        None => Some(ByType::default()),
    }
}

/// Removes the days of a generation.
pub(super) async fn forget(generation: &str) -> Result<()> {
    let of_generation =
        gte("_id", format!("{generation} ")).and(lt("_id", format!("{generation}!")));
    DAYS.remove(of_generation).await?;
    Ok(())
}

fn key(summary: &Summary, day: &str) -> String {
    format!("{} {day}", summary.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_counts_of_its_slice() {
        let of = |number: u64| ByType::from([("search".to_owned(), number)]);
        let mut day = Day {
            key: "g 2026-01-31".to_owned(),
            slice: 5,
            by_type: of(7),
            before: None,
        };
        assert_eq!(by_type_at(5, &day), Some(of(7)));
        assert_eq!(by_type_at(4, &day), Some(ByType::default()));
        let (slice, by_type) = (3, of(2));
        day.before = Some(Before { slice, by_type });
        assert_eq!(by_type_at(4, &day), Some(of(2)));
        assert_eq!(by_type_at(2, &day), None);
    }
}
