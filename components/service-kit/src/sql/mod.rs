//! SQL statements: bind by value, and read rows into tuples or structs.
//!
//! ```ignore
//! let profile = sql("select username, email from users where id = $1")
//!     .bind(user_id)
//!     .fetch_optional::<Profile>()
//!     .await?;
//! ```

mod bind;
mod column;
mod error;
mod paging;
mod row;
mod subject;
mod transaction;

use std::borrow::Cow;

use crate::Failure;
use crate::adapter::postgres::{self, ResultSet, Statement, Value};

pub use bind::{Bind, Json};
pub use column::FromColumn;
pub use error::Error;
pub use row::{FromRow, Row};
pub use service_kit_macros::FromRow;
pub use subject::ForSubject;
pub use transaction::{Message, Transaction, message};

/// A statement and its parameters; see [`sql`].
#[derive(Debug)]
#[must_use = "a statement does nothing until it is executed or fetched"]
pub struct Sql {
    text: Cow<'static, str>,
    /// An error is kept until the statement is sent, so that `bind` can be chained.
    params: Result<Vec<Value>, Failure>,
}

/// Creates a statement. Its text is constant, because the adapter prepares each text once per
/// connection. Bind values to its placeholders `$1`, `$2` ….
pub fn sql(text: &'static str) -> Sql {
    Sql {
        text: Cow::Borrowed(text),
        params: Ok(Vec::new()),
    }
}

impl Sql {
    /// Binds a value to the next placeholder.
    pub fn bind(mut self, value: impl Bind) -> Self {
        if let Ok(params) = &mut self.params {
            match value.into_value() {
                Ok(value) => params.push(value),
                Err(failure) => self.params = Err(failure),
            }
        }
        self
    }

    /// Fetches all rows.
    ///
    /// # Errors
    /// If the statement fails, returns more rows than the adapter's `max_rows`, or returns a row that
    /// cannot be read as `T`.
    pub async fn fetch_all<T: FromRow>(self) -> Result<Vec<T>, Error> {
        let found = postgres::fetch(self.text.into_owned(), self.params?).await?;
        Ok(read_rows(found)?)
    }

    /// Fetches the first row, if there is one.
    ///
    /// # Errors
    /// Like [`Self::fetch_all`].
    pub async fn fetch_optional<T: FromRow>(self) -> Result<Option<T>, Error> {
        Ok(self.fetch_all().await?.into_iter().next())
    }

    /// Fetches the first row of a statement that always returns one, such as `select count(*) …`.
    ///
    /// # Errors
    /// Like [`Self::fetch_all`]. It is also an error if the statement returns no row.
    pub async fn fetch_one<T: FromRow>(self) -> Result<T, Error> {
        let row = self.fetch_optional().await?;
        row.ok_or_else(|| Failure::internal("a statement returned no row").into())
    }

    /// Executes the statement, and returns how many rows it inserted, updated or deleted.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn execute(self) -> Result<u64, Error> {
        Ok(postgres::execute(self.text.into_owned(), self.params?).await?)
    }

    fn into_statement(self) -> Result<Statement, Failure> {
        Ok(Statement {
            sql: self.text.into_owned(),
            params: self.params?,
            expected_rows: None,
        })
    }
}

fn read_rows<T: FromRow>(found: ResultSet) -> Result<Vec<T>, Failure> {
    let columns = found.columns;
    let rows = found.rows.into_iter();
    let rows = rows.map(|values| T::from_row(&mut Row::new(&columns, values)));
    rows.collect()
}
