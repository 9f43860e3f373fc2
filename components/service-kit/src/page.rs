//! Long results in pages, newest first: parameters `limit` and `cursor`, answer
//! `{"items": […], "next": …}`.
//!
//! A cursor is the place of an item (when it happened, and its id), not a number of items to skip.
//! What is added while somebody pages comes before the place and moves nothing after it, and the
//! last page costs what the first one costs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::extended_json;
use crate::input::{Fields, FromFields, Violation, rules};

/// Items on a page if the client does not say.
const DEFAULT_LIMIT: u32 = 20;

/// Most items on a page: one answer stays small enough for every limit on the way.
const MAX_LIMIT: u32 = 100;

/// Which page is asked for: `limit` items (1 to 100, by default 20) after `cursor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    limit: u32,
    /// The last item of the page before; none for the first page.
    pub after: Option<Cursor>,
}

/// The place of an item: newest first, and of the same moment the smaller id first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When it happened, with milliseconds.
    pub at: OffsetDateTime,
    /// The item's id.
    pub id: Uuid,
}

/// One page of a result.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<String>,
}

impl FromFields for PageRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let limit = fields.optional("limit", rules::decimal(1..=MAX_LIMIT));
        let after = fields.optional("cursor", cursor);
        Some(Self {
            limit: limit?.unwrap_or(DEFAULT_LIMIT),
            after: after?,
        })
    }
}

impl PageRequest {
    /// How many items to fetch: one more than the page has, which tells whether there is another.
    #[must_use]
    pub fn fetch(&self) -> u32 {
        self.limit + 1
    }

    /// A page that ends before its limit, although more items follow.
    #[must_use]
    pub fn cut_short<T>(&self, items: Vec<T>, place: impl Fn(&T) -> Cursor) -> Page<T> {
        Page {
            next: items.last().map(|last| place(last).encode()),
            items,
        }
    }

    /// What was fetched, as a page. `place` says where an item is.
    #[must_use]
    pub fn page<T>(&self, mut fetched: Vec<T>, place: impl Fn(&T) -> Cursor) -> Page<T> {
        let limit = self.limit as usize;
        let more = fetched.len() > limit;
        fetched.truncate(limit);
        let last = fetched.last().filter(|_| more);
        Page {
            next: last.map(|last| place(last).encode()),
            items: fetched,
        }
    }
}

impl<T> Page<T> {
    /// The same page of what `change` makes of its items.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

impl Cursor {
    /// The filter for documents after this place, for a query that sorts by the date `field`
    /// descending; the interface orders ties by `_id` itself.
    ///
    /// The first condition says nothing new, but bounds the part of an index that is read.
    #[must_use]
    pub fn filter(&self, field: &str) -> Value {
        let at = extended_json::date(self.at);
        let id = self.id.to_string();
        json!({"$and": [
            {field: {"$lte": at}},
            {"$or": [{field: {"$lt": at}}, {"_id": {"$gt": id}}]},
        ]})
    }

    /// Milliseconds and id, so that every text of the right length is a place or is none.
    fn encode(self) -> String {
        let milliseconds = self.at.unix_timestamp_nanos() / 1_000_000;
        let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        let bytes = [&milliseconds.to_be_bytes()[..], self.id.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (milliseconds, id) = bytes.split_first_chunk()?;
        let nanoseconds = i128::from(i64::from_be_bytes(*milliseconds)) * 1_000_000;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
        Some(Self {
            // A date before the year 0 cannot be written into a filter.
            at: (at.year() >= 0).then_some(at)?,
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

fn cursor(value: Value) -> Result<Cursor, Violation> {
    let text = rules::text(1, 64)(value)?;
    let message = "has to be the `next` of another page";
    Cursor::decode(&text).ok_or_else(|| Violation::new("format", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::read;
    use time::macros::datetime;

    fn place(milliseconds: i64) -> Cursor {
        let at = datetime!(2026-01-31 12:00 UTC) + time::Duration::milliseconds(milliseconds);
        Cursor {
            at,
            id: Uuid::from_u128(7),
        }
    }

    #[test]
    fn a_page_has_a_next_one_only_if_more_was_found() {
        let request: PageRequest = read(json!({"limit": "2"})).unwrap();
        assert_eq!(request.fetch(), 3);
        let of =
            |items: Vec<i64>| serde_json::to_value(request.page(items, |i| place(*i))).unwrap();
        assert_eq!(of(vec![]), json!({"items": [], "next": null}));
        assert_eq!(of(vec![3, 2]), json!({"items": [3, 2], "next": null}));
        let next = place(2).encode();
        assert_eq!(of(vec![3, 2, 1]), json!({"items": [3, 2], "next": next}));
        let cut = request.cut_short(vec![2], |i| place(*i));
        let cut = serde_json::to_value(cut).unwrap();
        assert_eq!(cut, json!({"items": [2], "next": next}));
    }

    #[test]
    fn a_cursor_says_the_same_place_again() {
        for place in [place(0), place(-1), place(i64::from(i32::MAX))] {
            let text = place.encode();
            assert_eq!(text.len(), 32);
            let request: PageRequest = read(json!({"cursor": text})).unwrap();
            assert_eq!(request.after, Some(place));
            assert_eq!(request.limit, DEFAULT_LIMIT);
        }
    }

    #[test]
    fn what_is_no_cursor_is_named() {
        let long = "A".repeat(33);
        let end = URL_SAFE_NO_PAD.encode([0xff; 24]).replace('_', "x");
        let far = URL_SAFE_NO_PAD.encode([0x7f; 24]);
        let early = URL_SAFE_NO_PAD.encode([&(-1_i64 << 46).to_be_bytes()[..], &[0; 16]].concat());
        assert_eq!(early.len(), 32);
        for text in [
            &early,
            "",
            "A",
            "AAAA",
            "é",
            "$gt",
            long.as_str(),
            far.as_str(),
            &end[1..],
        ] {
            let problem = read::<PageRequest>(json!({"cursor": text})).unwrap_err();
            assert!(
                format!("{problem:?}").contains("/cursor"),
                "{text}: {problem:?}"
            );
        }
    }

    #[test]
    fn limits_are_kept() {
        for limit in ["1", "100"] {
            assert!(read::<PageRequest>(json!({"limit": limit})).is_ok());
        }
        for limit in ["0", "101", "-1", "+1", "1.5", " 1", "", "99999999999"] {
            let problem = read::<PageRequest>(json!({"limit": limit})).unwrap_err();
            assert!(
                format!("{problem:?}").contains("/limit"),
                "{limit}: {problem:?}"
            );
        }
    }

    #[test]
    fn the_filter_goes_on_after_the_place() {
        let at = json!({"$date": "2026-01-31T12:00:00.000Z"});
        let id = "00000000-0000-0000-0000-000000000007";
        let expected = json!({"$and": [
            {"at": {"$lte": at}},
            {"$or": [{"at": {"$lt": at}}, {"_id": {"$gt": id}}]},
        ]});
        assert_eq!(place(0).filter("at"), expected);
    }
}
