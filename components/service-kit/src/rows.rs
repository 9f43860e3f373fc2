//! Reading the rows that `postgres` returns.

use crate::Problem;
use crate::adapter::postgres::{Row, Value};

/// The columns of one row, read in the order in which the statement names them.
#[derive(Debug)]
pub struct Columns(std::vec::IntoIter<Value>);

impl From<Row> for Columns {
    fn from(row: Row) -> Self {
        Self(row.into_iter())
    }
}

impl Columns {
    /// The next column.
    ///
    /// # Errors
    /// An internal problem if there is none or it is of another type: the statement and the code
    /// that reads its rows do not agree.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator's items are all of one type, columns are not"
    )]
    pub fn next<T: FromColumn>(&mut self) -> Result<T, Problem> {
        let value = self.0.next();
        let value = value.ok_or_else(|| mismatch("one more column", "the row's end"))?;
        T::from_column(value)
    }
}

/// The only row of a statement that returns exactly one.
///
/// # Errors
/// An internal problem if there is none.
pub fn one(rows: Vec<Row>) -> Result<Columns, Problem> {
    let first = rows.into_iter().next();
    first
        .map(Columns::from)
        .ok_or_else(|| mismatch("one row", "none"))
}

/// A type that a column can be read as.
pub trait FromColumn: Sized {
    /// Read a column.
    ///
    /// # Errors
    /// An internal problem if the column is of another type.
    fn from_column(value: Value) -> Result<Self, Problem>;
}

impl FromColumn for bool {
    fn from_column(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Boolean(value) => Ok(value),
            other => Err(mismatch("a boolean", name(&other))),
        }
    }
}

impl FromColumn for i64 {
    fn from_column(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Int64(value) => Ok(value),
            other => Err(mismatch("an integer", name(&other))),
        }
    }
}

/// Everything that the interface carries as text. Ids and timestamps are passed on as they are.
impl FromColumn for String {
    fn from_column(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Text(text) | Value::Uuid(text) | Value::Timestamp(text) => Ok(text),
            other => Err(mismatch("text", name(&other))),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Null => Ok(None),
            value => T::from_column(value).map(Some),
        }
    }
}

fn mismatch(expected: &str, found: &str) -> Problem {
    Problem::internal(format!("reading a row: expected {expected}, got {found}"))
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Int64(_) => "an integer",
        Value::Float64(_) => "a float",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Uuid(_) => "a uuid",
        Value::Timestamp(_) => "a timestamp",
        Value::Json(_) => "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_in_order_and_by_type() {
        let row = vec![Value::Int64(3), Value::Text("ada".to_owned()), Value::Null];
        let mut columns = Columns::from(row);
        assert_eq!(columns.next::<i64>().unwrap(), 3);
        assert_eq!(columns.next::<String>().unwrap(), "ada");
        assert_eq!(columns.next::<Option<bool>>().unwrap(), None);
        assert_eq!(columns.next::<bool>().unwrap_err().status(), 500);
    }

    #[test]
    fn another_type_is_an_error() {
        let mut columns = Columns::from(vec![Value::Null]);
        assert_eq!(columns.next::<i64>().unwrap_err().status(), 500);
        assert!(one(Vec::new()).is_err());
    }
}
