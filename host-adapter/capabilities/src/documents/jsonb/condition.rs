//! The part of SQL that picks the documents.
//!
//! What a filter asks of every document falls into three parts: `_id` is a column with its own index;
//! equality, which the index on `body` finds by the operator `@@`; and the rest, which is a function
//! so that PostgreSQL does not try: for a range that index would have to be read from end to end, and
//! the plan that a prepared statement is given must be good for every filter of its shape.

use super::super::{Comparison, Filter, Scalar, Test};
use super::{
    jsonpath,
    statement::{Parameter, Statement},
};

/// Appends ` where …`, or nothing where every document passes. The table's alias is `t`.
pub(super) fn append(statement: &mut Statement, filter: &Filter) {
    append_after(statement, " where ", filter);
}

/// Appends ` and …`, or nothing where every document passes.
pub(super) fn append_further(statement: &mut Statement, filter: &Filter) {
    append_after(statement, " and ", filter);
}

/// Appends ` and …` of all these, for PostgreSQL to test on each document and not to look for an index.
pub(super) fn append_unindexed(statement: &mut Statement, filters: &[Filter]) {
    let filters: Vec<Filter> = filters
        .iter()
        .filter(|filter| !matches!(filter, Filter::All(all) if all.is_empty()))
        .cloned()
        .collect();
    if !filters.is_empty() {
        let path = Parameter::Text(jsonpath::all(&filters));
        statement
            .text(" and jsonb_path_match(t.body, ")
            .parameter(path)
            .text("::jsonpath, '{}', true)");
    }
}

fn append_after(statement: &mut Statement, mut link: &'static str, filter: &Filter) {
    let mut parts = Parts::default();
    parts.take(filter);
    for (sql, parameter, end) in parts.ids {
        statement
            .text(link)
            .text(sql)
            .parameter(parameter)
            .text(end);
        link = " and ";
    }
    if !parts.indexed.is_empty() {
        let path = Parameter::Text(jsonpath::all(&parts.indexed));
        statement
            .text(link)
            .text("t.body @@ ")
            .parameter(path)
            .text("::jsonpath");
        link = " and ";
    }
    if !parts.others.is_empty() {
        let path = Parameter::Text(jsonpath::all(&parts.others));
        statement
            .text(link)
            .text("jsonb_path_match(t.body, ")
            .parameter(path)
            .text("::jsonpath, '{}', true)");
    }
}

#[derive(Default)]
struct Parts {
    ids: Vec<(&'static str, Parameter, &'static str)>,
    indexed: Vec<Filter>,
    others: Vec<Filter>,
}

impl Parts {
    fn take(&mut self, filter: &Filter) {
        match filter {
            Filter::All(filters) => filters.iter().for_each(|filter| self.take(filter)),
            Filter::Field(path, test) if path.is_id() && of_strings(test).is_some() => {
                self.ids.extend(of_strings(test));
            }
            filter if is_indexed(filter) => self.indexed.push(filter.clone()),
            filter => self.others.push(filter.clone()),
        }
    }
}

/// A test of `_id` with a string, which every `_id` is.
fn of_strings(test: &Test) -> Option<(&'static str, Parameter, &'static str)> {
    match test {
        Test::Equal(Scalar::String(id)) => Some(("t.id = ", Parameter::Text(id.clone()), "")),
        Test::Order(comparison, Scalar::String(id)) => {
            Some((id_compared(*comparison), Parameter::Text(id.clone()), ""))
        }
        Test::In(scalars) => {
            let ids = scalars.iter().filter_map(|scalar| match scalar {
                Scalar::String(id) => Some(id.clone()),
                _ => None,
            });
            Some(("t.id = any(", Parameter::Texts(ids.collect()), ")"))
        }
        _ => None,
    }
}

fn id_compared(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => "t.id > ",
        Comparison::GreaterOrEqual => "t.id >= ",
        Comparison::Less => "t.id < ",
        Comparison::LessOrEqual => "t.id <= ",
    }
}

/// Whether the index on `body` leads to the documents without looking at the others.
fn is_indexed(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().any(is_indexed),
        Filter::Any(filters) => filters.iter().all(is_indexed),
        Filter::Field(_, Test::Equal(scalar)) => *scalar != Scalar::Null,
        Filter::Field(_, Test::In(scalars)) => {
            !scalars.is_empty() && !scalars.contains(&Scalar::Null)
        }
        Filter::Field(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(filter: &str) -> Statement {
        let mut statement = Statement::default();
        append(&mut statement, &Filter::parse(filter).unwrap());
        statement
    }

    #[test]
    fn each_part_of_a_filter_finds_its_index() {
        let statement = condition(
            r#"{"_id":{"$gt":"x","$in":["y",1]},"a":1,"$and":[{"b":{"$gt":2}},{"$or":[{"c":1},{"c":2,"d":null}]}]}"#,
        );
        assert_eq!(
            statement.sql(),
            " where t.id > $1 and t.id = any($2) and t.body @@ $3::jsonpath \
             and jsonb_path_match(t.body, $4::jsonpath, '{}', true)"
        );
        let text = |text: &str| Parameter::Text(text.to_owned());
        assert_eq!(
            statement.parameters(),
            [
                text("x"),
                Parameter::Texts(vec!["y".to_owned()]),
                text(
                    r#"($."a" == 1 && (($."c" == 1) || ($."c" == 2 && (!exists($."d") || $."d" == null))))"#
                ),
                text(r#"($."b" > 2)"#),
            ]
        );
    }

    #[test]
    fn the_empty_filter_is_no_condition() {
        assert_eq!(condition("{}").sql(), "");
        assert_eq!(condition(r#"{"$and":[{},{"$and":[{}]}]}"#).sql(), "");
    }

    #[test]
    fn what_the_index_cannot_find_is_not_given_to_it() {
        for filter in [
            r#"{"a":null}"#,
            r#"{"a":{"$ne":1}}"#,
            r#"{"a":{"$in":[]}}"#,
            r#"{"a":{"$in":[1,null]}}"#,
            r#"{"$or":[{"a":1},{}]}"#,
            r#"{"$or":[{"a":1},{"b":{"$gt":1}}]}"#,
            r#"{"_id":{"$ne":"x"}}"#,
        ] {
            assert_eq!(
                condition(filter).sql(),
                " where jsonb_path_match(t.body, $1::jsonpath, '{}', true)",
                "{filter}"
            );
        }
    }
}
