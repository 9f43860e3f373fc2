//! Reads rows into structs by column name, or into tuples by position.

use super::FromColumn;
use crate::Failure;
use crate::adapter::postgres::Value;

/// A type that a row can be read into: a struct with `#[derive(FromRow)]`, by column name, or a
/// tuple, by position.
#[diagnostic::on_unimplemented(
    message = "a row cannot be read into `{Self}`",
    label = "not the type of a row",
    note = "add `#[derive(FromRow)]` to a struct whose fields are named like the columns",
    note = "or use a tuple such as `(Uuid, String)`; for one column that is `(Uuid,)`"
)]
pub trait FromRow: Sized {
    /// Reads a row.
    ///
    /// # Errors
    /// If a column is missing or has another type.
    fn from_row(row: &mut Row<'_>) -> Result<Self, Failure>;
}

/// One row of a result.
#[derive(Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    values: Vec<Value>,
    /// The expected index of the next column, because statement and struct often have the same order.
    next: usize,
}

impl<'a> Row<'a> {
    pub(super) fn new(columns: &'a [String], values: Vec<Value>) -> Self {
        Self {
            columns,
            values,
            next: 0,
        }
    }

    /// Reads the column of this name. Each column can be read once.
    ///
    /// # Errors
    /// The statement returns no column of this name, or its type is different.
    pub fn column<T: FromColumn>(&mut self, name: &str) -> Result<T, Failure> {
        let is_next = self.columns.get(self.next).is_some_and(|next| next == name);
        if !is_next {
            let position = self.columns.iter().position(|column| column == name);
            let missing = || Failure::internal(format!("the statement returns no column `{name}`"));
            self.next = position.ok_or_else(missing)?;
        }
        self.next_column()
    }

    /// Reads the column after the one that was read last.
    ///
    /// # Errors
    /// The row has no further column, or its type is different.
    pub fn next_column<T: FromColumn>(&mut self) -> Result<T, Failure> {
        let index = self.next;
        self.next += 1;
        let value = self.values.get_mut(index).ok_or_else(|| {
            Failure::internal(format!("the statement returns only {index} columns"))
        })?;
        T::from_column(std::mem::replace(value, Value::Null)).map_err(|mismatch| {
            let name = self.columns.get(index).map_or("", String::as_str);
            Failure::internal(format!("reading column `{name}`: {mismatch}"))
        })
    }
}

macro_rules! from_row {
    ($($column:ident)+) => {
        impl<$($column: FromColumn),+> FromRow for ($($column,)+) {
            fn from_row(row: &mut Row<'_>) -> Result<Self, Failure> {
                Ok(($(row.next_column::<$column>()?,)+))
            }
        }
    };
}

from_row!(A);
from_row!(A B);
from_row!(A B C);
from_row!(A B C D);
from_row!(A B C D E);
from_row!(A B C D E F);
from_row!(A B C D E F G);
from_row!(A B C D E F G H);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::FromRow;

    #[derive(Debug, PartialEq, FromRow)]
    struct User {
        name: String,
        r#type: Option<bool>,
        id: i64,
    }

    fn columns() -> Vec<String> {
        ["id", "other", "name", "type"].map(str::to_owned).into()
    }

    fn values() -> Vec<Value> {
        let name = Value::Text("ada".to_owned());
        vec![Value::Int64(3), Value::Boolean(true), name, Value::Null]
    }

    #[test]
    fn a_struct_is_read_by_column_name() {
        let user = User::from_row(&mut Row::new(&columns(), values())).unwrap();
        let (name, r#type, id) = ("ada".to_owned(), None, 3);
        assert_eq!(user, User { name, r#type, id });
    }

    #[test]
    fn a_tuple_is_read_by_position() {
        let row = <(i64, bool, String)>::from_row(&mut Row::new(&columns(), values()));
        assert_eq!(row, Ok((3, true, "ada".to_owned())));
    }

    #[test]
    fn a_column_that_does_not_fit_is_named() {
        let columns = columns();
        let mut row = Row::new(&columns, values());
        let missing = row.column::<bool>("email").unwrap_err().to_string();
        assert!(missing.contains("`email`"), "{missing}");
        let wrong = row.column::<bool>("name").unwrap_err().to_string();
        assert_eq!(wrong, "reading column `name`: expected a boolean, got text");
        assert!(row.next_column::<Option<bool>>().is_ok());
        assert!(row.next_column::<Option<bool>>().is_err());
    }
}
