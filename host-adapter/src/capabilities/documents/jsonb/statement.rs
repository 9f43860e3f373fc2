//! SQL that is put together from the adapter's own pieces, with everything else as parameters.

use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments, query::Query};

/// SQL text with its parameters.
///
/// [`Statement::text`] takes only constants, and [`Statement::table`] only checked names, so nothing
/// that a caller wrote can become SQL.
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
