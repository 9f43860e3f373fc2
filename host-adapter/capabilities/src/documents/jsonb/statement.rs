//! SQL built from the adapter's own fragments. All other values are parameters.

use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments, query::Query};

use super::super::{Collection, Path};

/// SQL text with its parameters.
///
/// A caller's text cannot become SQL: [`Statement::text`] takes only constants, [`Statement::table`] only
/// validated names, and all other quoted text comes from index declarations.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Statement {
    sql: String,
    parameters: Vec<Parameter>,
}

/// A value that is sent separately from the SQL.
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
    pub(super) fn table(&mut self, collection: &Collection) -> &mut Self {
        self.sql.push('"');
        self.sql.push_str(collection.as_str());
        self.sql.push('"');
        self
    }

    /// Appends the name of one of the PostgreSQL indexes of index `name`, which is a validated name.
    pub(super) fn index(
        &mut self,
        collection: &Collection,
        name: &str,
        suffix: &'static str,
    ) -> &mut Self {
        let name = format!("{}.{name}{suffix}", collection.as_str());
        self.sql.push_str(&quoted(&name, '"'));
        self
    }

    /// Appends the name of an object, which must come from PostgreSQL's catalogue.
    pub(super) fn identifier(&mut self, name: &str) -> &mut Self {
        self.sql.push_str(&quoted(name, '"'));
        self
    }

    /// Appends text as a literal, for places where PostgreSQL does not accept a parameter.
    pub(super) fn literal(&mut self, text: &str) -> &mut Self {
        self.sql.push_str(&quoted(text, '\''));
        self
    }

    /// Appends the names of a path as a constant, because PostgreSQL matches an index by its expression.
    /// The path must come from an index declaration and never from a caller.
    pub(super) fn path(&mut self, path: &Path) -> &mut Self {
        self.sql.push_str("array[");
        for (number, name) in path.names().iter().enumerate() {
            self.sql.push_str(if number == 0 { "" } else { ", " });
            self.literal(name);
        }
        self.text("]")
    }

    /// Appends a constant followed by a number.
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

    /// Converts the statement to an sqlx query.
    pub(super) fn into_query<'q>(self) -> Query<'q, Postgres, PgArguments> {
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

/// Quotes text and doubles the quotes in it. A backslash is an ordinary character, as in standard SQL.
fn quoted(text: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", text.replace(quote, &doubled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_escape_its_quotes() {
        let mut statement = Statement::default();
        let path = Path::parse("a'b\\.c").unwrap();
        statement.path(&path).text(" ").literal("it's");
        assert_eq!(statement.sql(), r"array['a''b\', 'c'] 'it''s'");
    }
}
