//! SQL that is put together from the adapter's own pieces, with everything else as parameters.

use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments, query::Query};

/// SQL text with its parameters.
///
/// [`Statement::text`] takes only constants, and [`Statement::table`] only checked names; what else is
/// quoted comes from whoever declares indexes. So nothing that a caller wrote can become SQL.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Statement {
    sql: String,
    parameters: Vec<Parameter>,
}

/// What is sent beside the SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    /// `bigint`
    Number(i64),
    /// `text`
    Text(String),
    /// `text[]`
    Texts(Vec<String>),
}

impl Statement {
    /// Appends SQL.
    pub(super) fn text(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a collection's table.
    pub(super) fn table(&mut self, collection: &super::Collection) -> &mut Self {
        self.sql.push('"');
        self.sql.push_str(collection.as_str());
        self.sql.push('"');
        self
    }

    /// Appends one of the indexes that make up `name`, which is a checked name.
    pub(super) fn index(
        &mut self,
        collection: &super::Collection,
        name: &str,
        suffix: &'static str,
    ) -> &mut Self {
        let name = format!("{}.{name}{suffix}", collection.as_str());
        self.sql.push_str(&quoted(&name, '"'));
        self
    }

    /// Appends text where PostgreSQL takes no parameter.
    pub(super) fn literal(&mut self, text: &str) -> &mut Self {
        self.sql.push_str(&quoted(text, '\''));
        self
    }

    /// Appends a field's names as a constant, which an index is recognised by. It is that of an index
    /// that somebody declared, never a caller's.
    pub(super) fn path(&mut self, path: &super::Path) -> &mut Self {
        self.sql.push_str("array[");
        for (number, name) in path.names().iter().enumerate() {
            self.sql.push_str(if number == 0 { "" } else { ", " });
            self.literal(name);
        }
        self.text("]")
    }

    /// Appends a name made of a constant and a number.
    pub(super) fn numbered(&mut self, name: &'static str, number: usize) -> &mut Self {
        self.sql.push_str(name);
        self.sql.push_str(&number.to_string());
        self
    }

    /// Appends a placeholder for `parameter`.
    pub(super) fn parameter(&mut self, parameter: Parameter) -> &mut Self {
        self.parameters.push(parameter);
        self.numbered("$", self.parameters.len())
    }

    /// The SQL so far.
    #[cfg(test)]
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    #[cfg(test)]
    pub(super) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The statement as sqlx runs it.
    pub(super) fn query<'q>(self) -> Query<'q, Postgres, PgArguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql));
        self.parameters
            .into_iter()
            .fold(query, |query, parameter| match parameter {
                Parameter::Number(number) => query.bind(number),
                Parameter::Text(text) => query.bind(text),
                Parameter::Texts(texts) => query.bind(texts),
            })
    }
}

/// A quote inside is doubled. A backslash stands for itself, as in standard SQL.
fn quoted(text: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", text.replace(quote, &doubled))
}

#[cfg(test)]
mod tests {
    use super::super::Path;
    use super::*;

    #[test]
    fn quotes_cannot_be_left() {
        let mut statement = Statement::default();
        let path = Path::parse("a'b\\.c").unwrap();
        statement.path(&path).text(" ").literal("it's");
        assert_eq!(statement.sql(), r"array['a''b\', 'c'] 'it''s'");
    }
}
