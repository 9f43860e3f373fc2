//! The numbers of a user's activities per day, kept so that statistics need not read all activities.
//!
//! They are made when statistics are read, from the user's first activity up to the day before yesterday, and later
//! readings add the days since. Two things change days that are kept:
//!
//! - An activity of such a day arrives, because its message had to wait or a clock was ahead. Then the numbers are
//!   forgotten. Each activity changes their `version`, so that a reading does not keep what it has counted before.
//! - Old activities are removed, the oldest first. Only days after the first activity are used then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use service_kit::OffsetDateTime;
use service_kit::adapter::documents::Direction;
use service_kit::collection::Filter;
use service_kit::collection::filter::{eq, gte, lt};
use service_kit::extended_json;
use service_kit::sql::{FromRow, Json, sql};
use time::{Duration, Time};
use uuid::Uuid;

use super::ACTIVITIES;
use crate::day::Day;
use crate::error::Result;

/// Days that are counted at once. A query counts at most 1,000.
const STEP: Duration = Duration::days(900);

/// Numbers by day.
pub(super) type Days = BTreeMap<Day, u64>;

/// The numbers of a user's activities on whole days, up to the start of the day `until`.
#[derive(Debug)]
pub(super) struct Kept {
    /// All activities of days before it are left to count.
    pub(super) from: OffsetDateTime,
    pub(super) until: OffsetDateTime,
    /// Whether there are no activities before `from`.
    pub(super) is_from_first: bool,
    /// By action and day.
    pub(super) numbers: BTreeMap<String, Days>,
}

#[derive(FromRow)]
struct Row {
    version: i64,
    until: Option<OffsetDateTime>,
    counts: Json<Counts>,
}

/// What is kept in a row.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    /// The user's first activity when its day was counted.
    first: Option<Uuid>,
    days: BTreeMap<String, Days>,
}

/// A user's first activity.
#[derive(Deserialize)]
struct First {
    #[serde(rename = "_id")]
    id: Uuid,
    #[serde(deserialize_with = "extended_json::deserialize")]
    at: OffsetDateTime,
}

/// Returns the numbers of a user's activities, or `None` if none are kept.
pub(super) async fn up_to_date(user_id: Uuid) -> Result<Option<Kept>> {
    let now = OffsetDateTime::now_utc();
    let until = midnight(now) - Duration::DAY;
    let row = read(user_id).await?;
    let Some(first) = first(user_id).await?.filter(|first| first.at < until) else {
        return Ok(None);
    };
    let row = match row {
        Some(row) => row,
        None => match begin(user_id).await? {
            Some(row) => row,
            None => return Ok(None),
        },
    };
    if row.until >= Some(until) {
        return Ok(Some(kept(row, &first, until)));
    }
    extend(user_id, row, &first, until).await.map(Some)
}

/// Forgets the numbers if they have the day of `at`. Call it after an activity of this time is stored. If it is not
/// called because the process ends, the message is delivered again.
pub(super) async fn forget_if_kept(user_id: Uuid, at: OffsetDateTime) -> Result<()> {
    let forget = sql("update activity_counts set version = version + 1, \
             counts = case when until > $2 then '{\"days\": {}}' else counts end, \
             until = case when until > $2 then null else until end \
         where user_id = $1");
    forget.bind(user_id).bind(at).execute().await?;
    Ok(())
}

async fn read(user_id: Uuid) -> Result<Option<Row>> {
    let row = sql("select version, until, counts from activity_counts where user_id = $1");
    Ok(row.bind(user_id).fetch_optional().await?)
}

/// Stores that nothing is kept yet, so that there is a version. Returns `None` if the user does not exist any more.
async fn begin(user_id: Uuid) -> Result<Option<Row>> {
    let begin = sql(
        "insert into activity_counts (user_id) select id from users where id = $1 on conflict do nothing",
    );
    begin.bind(user_id).execute().await?;
    read(user_id).await
}

async fn first(user_id: Uuid) -> Result<Option<First>> {
    let activities = ACTIVITIES.read_as::<First>();
    let of_user = activities.find(eq("user_id", user_id));
    let first = of_user.order_by("at", Direction::Ascending);
    Ok(first.fetch_optional().await?)
}

fn kept(row: Row, first: &First, until: OffsetDateTime) -> Kept {
    let is_from_first = row.counts.0.first == Some(first.id);
    let first_day = midnight(first.at);
    let from = if is_from_first {
        first_day
    } else {
        first_day + Duration::DAY
    };
    Kept {
        from,
        until: row.until.unwrap_or(until),
        is_from_first,
        numbers: row.counts.0.days,
    }
}

/// Adds the days up to `until`, and the day of the first activity if others were removed since.
async fn extend(user_id: Uuid, row: Row, first: &First, until: OffsetDateTime) -> Result<Kept> {
    let mut counts = row.counts.0;
    let mut from = midnight(first.at);
    if let Some(known_until) = row.until.filter(|known| *known > from) {
        if counts.first != Some(first.id) {
            let next = from + Duration::DAY;
            for days in counts.days.values_mut() {
                *days = days.split_off(&Day::of(next));
            }
            add(user_id, from, next, &mut counts.days).await?;
        }
        from = known_until;
    } else {
        counts.days.clear();
    }
    add(user_id, from, until, &mut counts.days).await?;
    counts.first = Some(first.id);
    let keep = sql(
        "update activity_counts set until = $3, counts = $4 where user_id = $1 and version = $2",
    );
    let keep = keep.bind(user_id).bind(row.version).bind(until);
    keep.bind(Json(&counts)).execute().await?;
    let (row_until, version) = (Some(until), row.version);
    let row = Row {
        version,
        until: row_until,
        counts: Json(counts),
    };
    Ok(kept(row, first, until))
}

/// Adds the numbers of whole days that are not in `days`.
async fn add(
    user_id: Uuid,
    mut from: OffsetDateTime,
    until: OffsetDateTime,
    days: &mut BTreeMap<String, Days>,
) -> Result<()> {
    while from < until {
        let end = until.min(from + STEP);
        let step = of_user(user_id, Some(from), Some(end));
        let by_action: Vec<(String, u64)> = ACTIVITIES.count_by("action", step.clone()).await?;
        for (action, _) in by_action {
            let of_action = step.clone().and(eq("action", &action));
            let by_day: Vec<(Day, u64)> = ACTIVITIES.count_by("day", of_action).await?;
            days.entry(action).or_default().extend(by_day);
        }
        from = end;
    }
    Ok(())
}

/// Returns the filter for a user's activities from a moment up to, but not including, another one.
pub(super) fn of_user(
    user_id: Uuid,
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
) -> Filter {
    eq("user_id", user_id)
        .and_maybe(from.map(|from| gte("at", from)))
        .and_maybe(to.map(|to| lt("at", to)))
}

fn midnight(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_time(Time::MIDNIGHT)
}
