//! Counts of the events that match a filter. They are complete for any number of values.

use serde::Deserialize;
use serde_json::{Map, Value};
use service_kit::adapter::documents::Direction;
use service_kit::collection::filter::{Filter, gt, gte, lt, lte};

use super::Result;
use super::counts::Buckets;
use super::window::POSITION;
use crate::services::EVENTS;

/// The number of values that `count-by` always returns. A result of this size may be cut off.
const PAGE: u32 = 1_000;

/// The number of events in the range that is tried first. A query can skip at most this many.
const LARGE_RANGE: u32 = 10_000;

/// Counts the events that match, by day and type.
pub(super) async fn buckets(filter: &Filter) -> Result<Buckets> {
    Buckets::read(by("bucket", filter).await?)
}

/// The different users of the events that match.
pub(super) async fn users(filter: &Filter) -> Result<Vec<String>> {
    let users = by("user_id", filter).await?;
    Ok(users.into_iter().map(|(user, _)| user).collect())
}

/// The different users of each day in a window of positions. `buckets` are the numbers of its events.
///
/// Usually they are events of one or two days. Each day with many events costs a query, and the events of the other
/// days are read, because a query for each of thousands of days would take minutes. The events of a day with more
/// users than a query returns are read, too.
pub(super) async fn users_by_day(window: &Filter, buckets: &Buckets) -> Result<Buckets> {
    let mut by_day = Buckets::default();
    let mut few = Vec::new();
    let is_one = buckets.days().count() == 1;
    for (day, by_type) in buckets.days() {
        if by_type.values().sum::<u64>() < PAGE.into() {
            few.push(day);
            continue;
        }
        let of_day = if is_one {
            window.clone()
        } else {
            window.clone().and(of_days(day, day))
        };
        let users = count_by("user_id", &of_day).await?;
        if !is_complete(&users) {
            few.push(day);
            continue;
        }
        for (user, number) in named(users) {
            by_day.add_one(day, user, number);
        }
        read_users(window, &std::mem::take(&mut few), &mut by_day).await?;
    }
    read_users(window, &few, &mut by_day).await?;
    Ok(by_day)
}

/// Returns the filter for the events from the day `first` to the day `last`.
fn of_days(first: &str, last: &str) -> Filter {
    // `!` is the character after the space, so it ends the buckets of the day.
    gte("bucket", first).and(lt("bucket", format!("{last}!")))
}

/// Reads the events of these days, between which the window has no others, and adds their users.
///
/// It reads in the order of positions, which limits what a database reads to the window. In any other order, it may
/// search the whole collection.
async fn read_users(window: &Filter, days: &[&str], by_day: &mut Buckets) -> Result<()> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "_id")]
        id: String,
        position: u64,
        bucket: String,
        user_id: Option<String>,
    }
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(());
    };
    let window = window.clone().and(of_days(first, last));
    let mut rest = window.clone();
    loop {
        let events = EVENTS.read_as::<Event>().find(rest);
        let events = events.order_by(POSITION, Direction::Ascending).limit(PAGE);
        let events = events.fetch_some().await?;
        let Some(last) = events.last() else {
            return Ok(());
        };
        // Ties are in the order of `_id`.
        let further = gt(POSITION, last.position).or(gt("_id", &last.id));
        rest = window
            .clone()
            .and(gte(POSITION, last.position))
            .and(further);
        for event in events {
            if let (Some((day, _)), Some(user)) = (event.bucket.split_once(' '), event.user_id) {
                by_day.add_one(day, user, 1);
            }
        }
    }
}

/// Like [`users`], but returns `None` if one query does not return all users.
pub(super) async fn users_at_once(filter: &Filter) -> Result<Option<Vec<String>>> {
    let users = count_by("user_id", filter).await?;
    if !is_complete(&users) {
        return Ok(None);
    }
    let users = users.into_iter().filter_map(|(user, _)| user);
    Ok(Some(users.collect()))
}

/// Counts the matching events per value of a field that holds text. Events where it is null are left
/// out.
///
/// If one query does not return all values, they are counted in ranges of the field. A range cannot
/// have more values than events, so a range of [`PAGE`] events is always complete. Most ranges have
/// far fewer values than events, so larger ranges are tried first.
async fn by(field: &str, filter: &Filter) -> Result<Vec<(String, u64)>> {
    let all = count_by(field, filter).await?;
    if is_complete(&all) {
        return Ok(named(all).collect());
    }
    let (mut counted, mut after, mut size) = (Vec::new(), String::new(), LARGE_RANGE);
    loop {
        let rest = filter.clone().and(gt(field, &after));
        let last = nth(field, Direction::Ascending, &rest, size - 1).await?;
        let last = last.and_then(|last| last.as_str().map(str::to_owned));
        let range = match &last {
            Some(last) => rest.and(lte(field, last)),
            None => rest,
        };
        let values = count_by(field, &range).await?;
        if size > PAGE && !is_complete(&values) {
            size = PAGE;
            continue;
        }
        counted.extend(named(values));
        let Some(last) = last else {
            return Ok(counted);
        };
        after = last;
    }
}

fn is_complete<V>(values: &[V]) -> bool {
    values.len() < PAGE as usize
}

async fn count_by(field: &str, filter: &Filter) -> Result<Vec<(Option<String>, u64)>> {
    EVENTS.count_by(field, filter.clone()).await
}

/// Returns the value of `field` in the event at index `skip`, if the events are ordered by this field.
async fn nth(
    field: &str,
    direction: Direction,
    filter: &Filter,
    skip: u32,
) -> Result<Option<Value>> {
    let events = EVENTS.read_as::<Map<String, Value>>();
    let found = events
        .find(filter.clone())
        .order_by(field, direction)
        .skip(skip)
        .fetch_optional()
        .await?;
    Ok(found.and_then(|mut event| event.remove(field)))
}

/// Returns the position of the event at index `skip`, if the events are ordered by position.
pub(super) async fn position(filter: &Filter, skip: u32) -> Result<Option<u64>> {
    let position = nth(POSITION, Direction::Ascending, filter, skip).await?;
    Ok(position.and_then(|position| position.as_u64()))
}

/// Leaves out the events where the field is null.
fn named(counted: Vec<(Option<String>, u64)>) -> impl Iterator<Item = (String, u64)> {
    let named = |(value, number): (Option<String>, u64)| Some((value?, number));
    counted.into_iter().filter_map(named)
}
