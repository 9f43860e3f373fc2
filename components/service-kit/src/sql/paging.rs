//! Pages of rows.

use std::borrow::Cow;

use super::{Error, FromRow, Row, Sql};
use crate::Failure;
use crate::adapter::postgres::{self, Value};
use crate::page::{Item, MAX_PAGE_BYTES, Page, PageRequest};

impl Sql {
    /// Fetches one page of this statement's rows, newest first by the column `at`. Rows with the same
    /// time are ordered by the column `id`.
    ///
    /// The statement selects all rows, without `order by` and `limit`. It must return the column
    /// `at` (`timestamptz`) and a column `id` (`uuid`), which together are the item's place. An
    /// index on both, such as `(user_id, created_at, id)`, makes every page cost the same.
    ///
    /// A page has fewer rows if they would be larger than 512 KiB.
    ///
    /// # Errors
    /// Like [`Self::fetch_all`].
    pub async fn fetch_page<T: FromRow + Item>(
        mut self,
        at: &'static str,
        request: &PageRequest,
    ) -> Result<Page<T>, Error> {
        let params = self.params.as_mut().map_err(|failure| failure.clone())?;
        let bound = params.len();
        if let Some(cursor) = request.after {
            self = self.bind(cursor.at).bind(cursor.id);
        }
        let text = paged(&self.text, at, bound, request.after.is_some());
        self.text = Cow::Owned(text);
        let page = self
            .bind(request.limit_to_fetch())
            .bind(i64::from(MAX_PAGE_BYTES));
        let found = postgres::fetch(page.text.into_owned(), page.params?).await?;
        read(&found.columns, found.rows, request).map_err(Error::from)
    }
}

/// The column with the number of rows that were found, before the limit on bytes applies. It is at most
/// one more than the page's limit.
const FOUND: &str = "page_rows_found";

fn read<T: FromRow + Item>(
    columns: &[String],
    rows: Vec<Vec<Value>>,
    request: &PageRequest,
) -> Result<Page<T>, Failure> {
    let mut found = 0_u64;
    let rows = rows.into_iter().map(|values| {
        let mut row = Row::new(columns, values);
        found = row.column::<u64>(FOUND)?;
        T::from_row(&mut row)
    });
    let items = rows.collect::<Result<Vec<T>, _>>()?;
    Ok(request.page(items, found))
}

/// Returns the statement for one page. `page_bytes` is the size of a row and all rows before it, and
/// `page_row_bytes` is the size of the row alone. Both are equal for the first row, which is always on
/// the page.
///
/// The text does not contain values, so it is prepared once per connection.
fn paged(sql: &str, at: &str, bound: usize, is_continued: bool) -> String {
    let after = if is_continued {
        let (at_param, id_param) = (bound + 1, bound + 2);
        format!("where ({at}, id) < (${at_param}, ${id_param})")
    } else {
        String::new()
    };
    let limit = bound + if is_continued { 3 } else { 1 };
    let max_bytes = limit + 1;
    format!(
        "select * from (select page.*, count(*) over () as {FOUND}, \
         octet_length(page::text) as page_row_bytes, \
         sum(octet_length(page::text)) over (order by {at} desc, id desc) as page_bytes \
         from (select * from ({sql}) as items {after} order by {at} desc, id desc limit ${limit}) \
         as page) as pages \
         where page_bytes <= ${max_bytes} or page_bytes = page_row_bytes \
         order by {at} desc, id desc"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_a_page_follow_those_of_the_statement() {
        let sql = "select id, made_at from notes where user_id = $1";
        let first = paged(sql, "made_at", 1, false);
        assert!(first.contains(sql) && first.contains("limit $2"), "{first}");
        assert!(first.contains("page_bytes <= $3"), "{first}");
        let next = paged(sql, "made_at", 1, true);
        assert!(next.contains("where (made_at, id) < ($2, $3)"), "{next}");
        assert!(
            next.contains("limit $4") && next.contains("page_bytes <= $5"),
            "{next}"
        );
    }
}
