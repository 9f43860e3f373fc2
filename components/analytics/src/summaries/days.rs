//! The counts and the users of a summary per day, so that a period costs by its days and not by its events.
//!
//! Each day is a document beside the summary. It has the counts up to the last slice with an event of the
//! day, and those before that slice, because it is written before the summary is complete. A worker changes a
//! day only if it does not have the slice yet, so every slice counts once. A reader takes the counts that belong
//! to its summary.
//!
//! The users of a day may be those of a slice that the summary does not have yet. A reader counts the events after the
//! summary as well, and a user who is added twice counts once. Users are written together with the counts. A day that
//! an earlier version has written has no users, or those of an earlier slice; it does not get any until a rebuild.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_kit::Collection;
use service_kit::adapter::documents::Direction;
use service_kit::collection::Update;
use service_kit::collection::filter::{eq, gt, gte, is_in, lt, lte};

use super::counts::{Buckets, ByType};
use super::distinct::DistinctUsers;
use super::summary::Summary;
use super::{Error, Result};

const DAYS: Collection<Day> = Collection::new("event_summaries");

/// Days that are read at once. They have some 4 KiB each, and a result must be smaller than the adapter's limit on
/// bytes, which is 4 MiB by default.
const PAGE: usize = 200;

/// Maximum number of days with events in a period: more than 27 years. Senders choose the day of an event,
/// and anyone may ask for a period.
const MAX_DAYS: usize = 10_000;

/// The counts and the users of a day.
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
    #[serde(default)]
    users: Option<Users>,
}

/// The users of a day.
#[derive(Debug, Serialize, Deserialize)]
struct Users {
    /// The day's slice when they were written. Another one means that an earlier version has changed the day since.
    slice: u64,
    /// Text of [`DistinctUsers`].
    set: String,
}

impl Users {
    fn new(slice: u64, users: &DistinctUsers) -> Self {
        let set = users.to_text();
        Self { slice, set }
    }
}

impl Day {
    /// The users of the day, if they are complete.
    fn users(&self) -> Option<DistinctUsers> {
        let users = self.users.as_ref()?;
        (users.slice == self.slice).then(|| DistinctUsers::from_text(&users.set))?
    }
}

/// The counts of a day before its last slice.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    slice: u64,
    by_type: ByType,
}

/// Adds the events of the slice after `summary`, unless another worker has done it.
pub(super) async fn add(summary: &Summary, buckets: &Buckets, users: &Buckets) -> Result<()> {
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
            let users = users.names(day);
            let key = key(summary, day);
            if let Some(day) = known.remove(&key) {
                add_to(day, slice, by_type, users).await?;
                continue;
            }
            let mut of_day = DistinctUsers::of_day();
            of_day.add_all(users);
            fresh.push(Day {
                key,
                slice,
                by_type: (*by_type).clone(),
                before: None,
                users: Some(Users::new(slice, &of_day)),
            });
        }
        DAYS.insert_all(fresh).await?;
    }
    Ok(())
}

async fn add_to<'a>(
    day: Day,
    slice: u64,
    more: &ByType,
    more_users: impl Iterator<Item = &'a String>,
) -> Result<()> {
    if day.slice >= slice {
        return Ok(());
    }
    let users = day.users().map(|mut users| {
        users.add_all(more_users);
        Users::new(slice, &users)
    });
    let mut by_type = day.by_type.clone();
    for (event_type, number) in more {
        *by_type.entry(event_type.clone()).or_default() += number;
    }
    let before = Before {
        slice: day.slice,
        by_type: day.by_type,
    };
    let next = json!({"slice": slice, "by_type": by_type, "before": before, "users": users});
    let unchanged = eq("_id", day.key).and(eq("slice", day.slice));
    DAYS.update(unchanged, Update::set_all(&next)).await?;
    Ok(())
}

/// What is kept of several days.
#[derive(Debug)]
pub(super) struct Days {
    pub(super) buckets: Buckets,
    /// Missing if those of a day are not kept.
    pub(super) users: Option<DistinctUsers>,
}

impl Days {
    pub(super) fn none() -> Self {
        Self {
            buckets: Buckets::default(),
            users: Some(DistinctUsers::of_period()),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.buckets.add(other.buckets);
        self.join(other.users);
    }

    fn join(&mut self, users: Option<DistinctUsers>) {
        let both = self.users.take().zip(users);
        self.users = both.map(|(mut users, more)| {
            users.join(&more);
            users
        });
    }
}

/// Returns what `summary` has of the days from `from` up to, but not including, `to`. Returns `None` if
/// the summary was replaced meanwhile.
pub(super) async fn read(
    summary: &Summary,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Option<Days>, Error> {
    let mut all = Days::none();
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
            all.buckets.add_day(name, by_type);
            all.join(day.users());
        }
        match last {
            Some(last) if is_full => rest = gt("_id", last).and(lt("_id", &end)),
            _ => return Ok(Some(all)),
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
                users: day.users().map(|users| Users::new(from.slice, &users)),
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
            users: None,
        };
        assert_eq!(by_type_at(5, &day), Some(of(7)));
        assert_eq!(by_type_at(4, &day), Some(ByType::default()));
        let (slice, by_type) = (3, of(2));
        day.before = Some(Before { slice, by_type });
        assert_eq!(by_type_at(4, &day), Some(of(2)));
        assert_eq!(by_type_at(2, &day), None);
    }

    #[test]
    fn users_of_an_earlier_slice_are_not_complete() {
        let mut day = Day {
            key: "g 2026-01-31".to_owned(),
            slice: 5,
            by_type: ByType::default(),
            before: None,
            users: None,
        };
        assert!(day.users().is_none());
        let mut users = DistinctUsers::of_day();
        users.add_all(&["ada".to_owned()]);
        day.users = Some(Users::new(5, &users));
        assert_eq!(day.users().map(|users| users.count()), Some(1));
        day.slice = 6;
        assert!(day.users().is_none());
    }
}
