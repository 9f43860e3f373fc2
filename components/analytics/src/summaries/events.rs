//! Numbers over the events that match a filter, complete however many different values there are.

use serde_json::{Value, json};
use service_kit::adapter::documents::{self, Direction, Query};
use service_kit::{Problem, Result, extended_json};
use time::OffsetDateTime;

use super::Counts;
use crate::services::EVENTS;

/// Values that one `count-by` gives for certain; with as many there may be more.
const PAGE: u32 = 1_000;

/// Events of a range that is tried first: as far as a query can skip.
const LARGE_RANGE: u32 = 10_000;

/// How many events match, by type and by day.
pub(crate) async fn counts(filter: &Value) -> Result<Counts> {
    Counts::of(by("bucket", filter).await?)
}

/// The different users of the events that match.
pub(super) async fn users(filter: &Value) -> Result<Vec<String>> {
    let users = by("user_id", filter).await?;
    Ok(users.into_iter().map(|(user, _)| user).collect())
}

/// The same, if one query gives them all.
pub(super) async fn users_at_once(filter: &Value) -> Result<Option<Vec<String>>> {
    let users = count_by("user_id", filter).await?;
    if !is_complete(&users) {
        return Ok(None);
    }
    let users = named(users)?.into_iter().map(|(user, _)| user);
    Ok(Some(users.collect()))
}

/// The number of matching events per value of a field that holds text; without those where it is
/// null.
///
/// Where one query may not give all values, they are counted in ranges of the field. A range of so
/// many events as one query gives values has no more values than that; most have far fewer, so
/// larger ranges are tried first.
async fn by(field: &str, filter: &Value) -> Result<Vec<(String, u64)>> {
    let all = count_by(field, filter).await?;
    if is_complete(&all) {
        return named(all);
    }
    let (mut counted, mut after, mut size) = (Vec::new(), String::new(), LARGE_RANGE);
    loop {
        let rest = json!({"$and": [filter, {field: {"$gt": after}}]});
        let last = nth(field, Direction::Ascending, &rest, size - 1).await?;
        let range = match &last {
            Some(last) => json!({"$and": [filter, {field: {"$gt": after, "$lte": last}}]}),
            None => rest,
        };
        let values = count_by(field, &range).await?;
        if size > PAGE && !is_complete(&values) {
            size = PAGE;
            continue;
        }
        counted.extend(named(values)?);
        let Some(last) = last else {
            return Ok(counted);
        };
        after = last.as_str().ok_or_else(not_text)?.to_owned();
    }
}

fn is_complete(values: &[(String, u64)]) -> bool {
    values.len() < PAGE as usize
}

async fn count_by(field: &str, filter: &Value) -> Result<Vec<(String, u64)>> {
    let (field, filter) = (field.to_owned(), filter.to_string());
    Ok(documents::count_by(EVENTS.to_owned(), field, filter).await?)
}

/// The value of `field` in the event that has `skip` others before it, ordered by this field.
async fn nth(
    field: &str,
    direction: Direction,
    filter: &Value,
    skip: u32,
) -> Result<Option<Value>> {
    let query = Query {
        filter: filter.to_string(),
        sort: vec![(field.to_owned(), direction)],
        skip,
        limit: 1,
    };
    let found = documents::find(EVENTS.to_owned(), query).await?;
    let Some(event) = found.first() else {
        return Ok(None);
    };
    let mut event: Value = serde_json::from_str(event)
        .map_err(|error| Problem::internal(format!("reading an event: {error}")))?;
    Ok(event.get_mut(field).map(Value::take))
}

/// When the event was received that has `skip` others before it.
pub(super) async fn received(
    direction: Direction,
    filter: &Value,
    skip: u32,
) -> Result<Option<OffsetDateTime>> {
    let received = nth("received_at", direction, filter, skip).await?;
    Ok(received.and_then(|received_at| extended_json::read_date(&received_at)))
}

/// Values are JSON text.
fn named(counted: Vec<(String, u64)>) -> Result<Vec<(String, u64)>> {
    let named = counted.into_iter().filter(|(value, _)| value != "null");
    let named = named.map(|(value, number)| match serde_json::from_str(&value) {
        Ok(name) => Ok((name, number)),
        Err(_) => Err(not_text()),
    });
    named.collect()
}

fn not_text() -> Problem {
    Problem::internal("an event is counted by something that is not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_named_by_the_json_text_of_the_value() {
        let value = |text: &str| vec![(text.to_owned(), 3)];
        let page_views = named(value(r#""page_view""#)).unwrap();
        assert_eq!(page_views, [("page_view".to_owned(), 3)]);
        assert!(named(value("null")).unwrap().is_empty());
        assert!(named(value("1")).is_err());
    }
}
