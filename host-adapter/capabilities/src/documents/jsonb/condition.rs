//! The SQL condition that selects documents.
//!
//! A filter is split into three parts. Tests of `_id` use that column and its index. Equality uses the
//! operator `@@`, which the index on `body` supports. The rest calls a function, which keeps PostgreSQL
//! from using that index: a range would read the whole index, and the plan of a prepared statement has to
//! suit every filter of the same shape.

use super::super::{Comparison, Filter, Scalar, Test};
use super::{
    jsonpath,
    statement::{Parameter, Statement},
};

/// Appends ` where …`, or nothing if every document matches. The table's alias is `t`.
pub(super) fn append_where(statement: &mut Statement, filter: &Filter) {
    append_after(statement, " where ", filter);
}

/// Appends ` and …`, or nothing if every document matches.
pub(super) fn append_and(statement: &mut Statement, filter: &Filter) {
    append_after(statement, " and ", filter);
}

/// Appends ` and …` for all of `filters`, in a form for which PostgreSQL does not use an index.
pub(super) fn append_unindexed(statement: &mut Statement, filters: &[Filter]) {
    let filters: Vec<Filter> = filters
        .iter()
        .filter(|filter| !matches!(filter, Filter::All(all) if all.is_empty()))
        .cloned()
        .collect();
    if !filters.is_empty() {
        let path = Parameter::Text(jsonpath::all_of(&filters));
        statement
            .text(" and jsonb_path_match(t.body, ")
            .parameter(path)
            .text("::jsonpath, '{}', true)");
    }
}

fn append_after(statement: &mut Statement, mut link: &'static str, filter: &Filter) {
    let mut parts = Parts::default();
    parts.add(filter);
    for (sql, parameter, end) in parts.ids {
        statement
            .text(link)
            .text(sql)
            .parameter(parameter)
            .text(end);
        link = " and ";
    }
    if !parts.indexed.is_empty() {
        let path = Parameter::Text(jsonpath::all_of(&parts.indexed));
        statement
            .text(link)
            .text("t.body @@ ")
            .parameter(path)
            .text("::jsonpath");
        link = " and ";
    }
    if !parts.others.is_empty() {
        let path = Parameter::Text(jsonpath::all_of(&parts.others));
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
    fn add(&mut self, filter: &Filter) {
        match filter {
            Filter::All(filters) => filters.iter().for_each(|filter| self.add(filter)),
            Filter::Field(path, test) if path.is_id() && id_condition(test).is_some() => {
                self.ids.extend(id_condition(test));
            }
            filter if is_indexed(filter) => self.indexed.push(filter.clone()),
            filter => self.others.push(filter.clone()),
        }
    }
}

/// The condition on column `id` for a comparison of `_id` with strings. Every `_id` is a string.
fn id_condition(test: &Test) -> Option<(&'static str, Parameter, &'static str)> {
    match test {
        Test::Equal(Scalar::String(id)) => Some(("t.id = ", Parameter::Text(id.clone()), "")),
        Test::Order(comparison, Scalar::String(id)) => {
            Some((id_operator(*comparison), Parameter::Text(id.clone()), ""))
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

fn id_operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => "t.id > ",
        Comparison::GreaterOrEqual => "t.id >= ",
        Comparison::Less => "t.id < ",
        Comparison::LessOrEqual => "t.id <= ",
    }
}

/// Whether the index on `body` finds the documents without a scan of all documents.
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
        append_where(&mut statement, &Filter::parse(filter).unwrap());
        statement
    }

    #[test]
    fn filter_is_split_by_the_index_that_serves_it() {
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
    fn empty_filter_adds_no_condition() {
        assert_eq!(condition("{}").sql(), "");
        assert_eq!(condition(r#"{"$and":[{},{"$and":[{}]}]}"#).sql(), "");
    }

    #[test]
    fn conditions_without_index_support_bypass_the_index() {
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
