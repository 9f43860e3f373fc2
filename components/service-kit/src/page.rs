//! Long results in pages, newest first: parameters `limit` and `cursor`, answer
//! `{"items": […], "next": …}`.
//!
//! A cursor is the place of an item (when it happened, and its id), not a number of items to skip.
//! Items that are added while a client reads the pages therefore do not shift the others, and the last
//! page costs as much as the first.
//!
//! [`crate::sql::Sql::fetch_page`] pages over rows, [`crate::collection::Find::fetch_page`] over
//! documents.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::input::{Fields, FromFields, Rule, Violation, rule, rules};
use crate::openapi::{Properties, Property, Schema};
pub use service_kit_macros::Item;

/// Number of items on a page if the client does not set `limit`.
const DEFAULT_LIMIT: u32 = 20;

/// Maximum number of items on a page, so that an answer stays below the size limits on its way.
const MAX_LIMIT: u32 = 100;

/// Maximum size of a page's items in bytes of database text. A sealed answer has at most 1 MiB, and an
/// instance holds up to sixteen answers at once.
pub(crate) const MAX_PAGE_BYTES: u32 = 512 * 1024;

/// Version of the cursor format. Cursors of other versions are rejected, because they would be misread.
const VERSION: u8 = 1;

/// The requested page: `limit` items (1 to 100, by default 20) after `cursor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    limit: u32,
    /// The place of the previous page's last item. `None` for the first page.
    pub after: Option<Cursor>,
}

/// The place of an item in a list that is ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the item happened, with the precision of its store: microseconds or less.
    pub at: OffsetDateTime,
    /// The item's id.
    pub id: Uuid,
}

/// A type whose values can be listed in pages. Derive it for a struct with a field `id`:
///
/// ```
/// use service_kit::page::Item;
/// use service_kit::{OffsetDateTime, Uuid};
///
/// #[derive(Item)]
/// struct Note {
///     id: Uuid,
///     #[at]
///     created_at: OffsetDateTime,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be listed in pages",
    label = "not an item of a page",
    note = "add `#[derive(Item)]` to it, and `#[at]` to the time that the list is ordered by"
)]
pub trait Item {
    /// Returns the item's place: the time that the list is ordered by, and the id.
    fn cursor(&self) -> Cursor;
}

/// One page of a result.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    /// The `cursor` of the next page; null on the last page.
    next: Option<String>,
}

impl FromFields for PageRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let limit = fields.optional("limit", rules::decimal(1..=MAX_LIMIT));
        let after = fields.optional("cursor", rule(cursor_schema, cursor));
        Some(Self {
            limit: limit?.unwrap_or(DEFAULT_LIMIT),
            after: after?,
        })
    }

    fn describe(properties: &mut Properties) {
        let limit = rules::decimal(1..=MAX_LIMIT).schema();
        let limit = Property::new("limit", limit).defaulted(json!(DEFAULT_LIMIT));
        properties.add(limit.described("How many items the page has at most."));
        let cursor = Property::new("cursor", cursor_schema()).optional();
        properties.add(cursor.described("The `next` of the page before."));
    }
}

impl<T: Schema> Schema for Page<T> {
    fn schema() -> Value {
        let mut page = Properties::default();
        page.title("Page", "A part of a list, newest first.");
        let items = json!({"type": "array", "items": T::schema(), "maxItems": MAX_LIMIT});
        page.add(Property::new("items", items));
        let next = Property::new("next", crate::openapi::nullable(cursor_schema()));
        page.add(next.described("The `cursor` of the next page; null on the last one."));
        page.into_schema()
    }
}

/// The pattern describes the form only. A text of this form can still be rejected when it is read.
fn cursor_schema() -> Value {
    let example = Cursor {
        at: OffsetDateTime::UNIX_EPOCH,
        id: Uuid::nil(),
    };
    json!({
        "type": "string", "minLength": 34, "maxLength": 34, "pattern": "^[A-Za-z0-9_-]*$",
        "examples": [example.encode()],
    })
}

impl PageRequest {
    /// One item more than fits on the page, to find out whether there is another page.
    pub(crate) fn limit_to_fetch(&self) -> u32 {
        self.limit + 1
    }

    /// Creates a page of `items`, which are the first of `found` items. There is a next page if more
    /// items were found than are on this page.
    pub(crate) fn page<T: Item>(&self, mut items: Vec<T>, found: u64) -> Page<T> {
        items.truncate(self.limit as usize);
        let has_next = found > items.len() as u64;
        let last = items.last().filter(|_| has_next);
        Page {
            next: last.map(|last| last.cursor().encode()),
            items,
        }
    }
}

impl Cursor {
    /// Encodes version, microseconds and id. The version makes it possible to reject other text of the
    /// same length.
    fn encode(self) -> String {
        let microseconds = self.at.unix_timestamp_nanos() / 1_000;
        let microseconds = i64::try_from(microseconds).unwrap_or(i64::MAX);
        let bytes = [
            &[VERSION],
            &microseconds.to_be_bytes()[..],
            self.id.as_bytes(),
        ];
        URL_SAFE_NO_PAD.encode(bytes.concat())
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (microseconds, id) = bytes.strip_prefix(&[VERSION])?.split_first_chunk()?;
        let nanoseconds = i128::from(i64::from_be_bytes(*microseconds)) * 1_000;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
        Some(Self {
            // A date before the year 0 cannot be written into a filter.
            at: (at.year() >= 0).then_some(at)?,
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

fn cursor(value: Value) -> Result<Cursor, Violation> {
    let text = rules::text(1, 64).read(value)?;
    let message = "has to be the `next` of another page";
    Cursor::decode(&text).ok_or_else(|| Violation::new("format", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::read;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn the_place_of_an_item_is_its_id_and_its_marked_time() {
        #[derive(Item)]
        struct Note {
            id: Uuid,
            #[at]
            created_at: OffsetDateTime,
        }
        let Cursor { at: created_at, id } = place(1);
        assert_eq!(Note { id, created_at }.cursor(), place(1));
    }

    #[derive(Serialize)]
    struct Number(i64);

    impl Item for Number {
        fn cursor(&self) -> Cursor {
            place(self.0)
        }
    }

    fn place(microseconds: i64) -> Cursor {
        let at = datetime!(2026-01-31 12:00 UTC) + time::Duration::microseconds(microseconds);
        let id = Uuid::from_u128(7);
        Cursor { at, id }
    }

    #[test]
    fn a_page_has_a_next_one_only_if_more_was_found() {
        let request: PageRequest = read(json!({"limit": "2"})).unwrap();
        assert_eq!(request.limit_to_fetch(), 3);
        let page = |items: &[i64], found| {
            let items = items.iter().map(|number| Number(*number)).collect();
            serde_json::to_value(request.page(items, found)).unwrap()
        };
        assert_eq!(page(&[], 0), json!({"items": [], "next": null}));
        assert_eq!(page(&[3, 2], 2), json!({"items": [3, 2], "next": null}));
        let next = place(2).encode();
        assert_eq!(page(&[3, 2, 1], 3), json!({"items": [3, 2], "next": next}));
        // Cut by bytes.
        assert_eq!(page(&[2], 2), json!({"items": [2], "next": next}));
    }

    #[test]
    fn a_cursor_is_exact_to_the_microsecond() {
        for place in [place(0), place(-1), place(i64::from(i32::MAX))] {
            let text = place.encode();
            assert_eq!(text.len(), 34);
            let request: PageRequest = read(json!({"cursor": text})).unwrap();
            assert_eq!(request.after, Some(place));
            assert_eq!(request.limit, DEFAULT_LIMIT);
        }
    }

    #[test]
    fn a_text_that_is_not_a_cursor_is_rejected() {
        let encode = |version: u8, microseconds: i64| {
            let bytes = [&[version], &microseconds.to_be_bytes()[..], &[0; 16]].concat();
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let (early, far) = (encode(VERSION, -1 << 56), encode(VERSION, i64::MAX));
        let (other, old) = (encode(0, 0), URL_SAFE_NO_PAD.encode([0; 24]));
        let long = "A".repeat(35);
        let texts = [&early, &far, &other, &old, &long].map(String::as_str);
        for text in texts.into_iter().chain(["", "A", "AAAA", "é", "$gt"]) {
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
}
