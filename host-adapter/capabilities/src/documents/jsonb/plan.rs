//! Chooses the index for a query.
//!
//! PostgreSQL considers an expression index only if the statement contains its expression. A query that
//! an index serves is therefore a union of two halves. The first selects plain documents by their keys,
//! which decide the covered conditions completely. The second tests the whole filter on the other
//! documents, and is nearly always empty. Each half has its own index.

use super::super::{Collection, Comparison, Direction, Filter, Index, Path, Scalar, Sort, Test};
use super::{
    condition, index, order,
    statement::{Parameter, Statement},
};

/// Maximum text in bytes that a key contains in full; see `keys.sql`.
const MAX_TEXT: usize = 200;

/// An index with the conditions and the sort order that it serves.
pub(super) struct Plan<'q> {
    index: &'q Index,
    bounds: Vec<Bound<'q>>,
    /// The conditions that the keys do not decide.
    rest: Vec<Filter>,
    /// Whether the index is in the order of the query.
    ordered: bool,
}

struct Bound<'q> {
    path: &'q Path,
    operator: &'static str,
    value: &'q Scalar,
    /// For a range: the operator and key that limit it to values of the same type.
    limit: Option<(&'static str, &'static str)>,
}

/// How well an index fits: number of equalities, then order, then number of bounds.
type Fit = (usize, bool, usize);

/// Returns a plan with the index that fits best. Returns `None` if none fits, or if the filter names the ids:
/// the primary key finds at most as many documents, and an index may find far more.
pub(super) fn choose<'q>(
    indexes: &'q [Index],
    collection: &Collection,
    filter: &'q Filter,
    sort: &Sort,
) -> Option<Plan<'q>> {
    let mut conditions = Vec::new();
    flatten(filter, &mut conditions);
    if conditions.iter().any(|condition| names_ids(condition)) {
        return None;
    }
    let plans = indexes
        .iter()
        .filter(|index| index.collection() == collection)
        .filter_map(|index| plan(index, &conditions, sort));
    plans.max_by_key(|(fit, _)| *fit).map(|(_, plan)| plan)
}

fn flatten<'q>(filter: &'q Filter, conditions: &mut Vec<&'q Filter>) {
    match filter {
        Filter::All(filters) => filters
            .iter()
            .for_each(|filter| flatten(filter, conditions)),
        other => conditions.push(other),
    }
}

fn names_ids(condition: &Filter) -> bool {
    match condition {
        Filter::Field(path, Test::Equal(Scalar::String(_)) | Test::In(_)) => path.is_id(),
        _ => false,
    }
}

fn plan<'q>(index: &'q Index, conditions: &[&'q Filter], sort: &Sort) -> Option<(Fit, Plan<'q>)> {
    let mut covered = vec![false; conditions.len()];
    let mut bounds = Vec::new();
    let mut equal = 0;
    for (path, _) in index.fields() {
        let before = bounds.len();
        let is_equal = add_bounds(path, conditions, &mut covered, &mut bounds);
        if !is_equal {
            break;
        }
        equal += bounds.len() - before;
    }
    let fixed = index.fields().get(..equal).unwrap_or_default();
    let following = index.fields().get(equal..).unwrap_or_default();
    let ordered = is_ordered(fixed, following, sort);
    let by_order = ordered && sort.fields().first().is_some_and(|(path, _)| !path.is_id());
    if bounds.is_empty() && !by_order {
        return None;
    }
    let rest = conditions
        .iter()
        .zip(&covered)
        .filter(|(_, covered)| !**covered);
    let fit = (equal, by_order, bounds.len());
    let plan = Plan {
        index,
        rest: rest.map(|(condition, _)| (*condition).clone()).collect(),
        bounds,
        ordered,
    };
    Some((fit, plan))
}

/// Adds the bounds for one equality of `path`, or else for its ranges, and marks these conditions as
/// covered. Returns whether it was an equality.
fn add_bounds<'q>(
    path: &'q Path,
    conditions: &[&'q Filter],
    covered: &mut [bool],
    bounds: &mut Vec<Bound<'q>>,
) -> bool {
    let mut ranges = Vec::new();
    for (number, condition) in conditions.iter().enumerate() {
        let Filter::Field(field, test) = condition else {
            continue;
        };
        if field != path {
            continue;
        }
        match test {
            Test::Equal(value) if fits_in_key(value) => {
                bounds.push(Bound {
                    path,
                    operator: " = ",
                    value,
                    limit: None,
                });
                covered
                    .get_mut(number)
                    .into_iter()
                    .for_each(|covered| *covered = true);
                return true;
            }
            Test::Order(comparison, value) if fits_in_key(value) => {
                ranges.push((number, range(path, *comparison, value)));
            }
            _ => {}
        }
    }
    for (number, bound) in ranges {
        covered
            .get_mut(number)
            .into_iter()
            .for_each(|covered| *covered = true);
        bounds.push(bound);
    }
    false
}

fn range<'q>(path: &'q Path, comparison: Comparison, value: &'q Scalar) -> Bound<'q> {
    let (begin, end) = type_range(value);
    let (operator, limit) = match comparison {
        Comparison::Greater => (" > ", (" < ", end)),
        Comparison::GreaterOrEqual => (" >= ", (" < ", end)),
        Comparison::Less => (" < ", (" >= ", begin)),
        Comparison::LessOrEqual => (" <= ", (" >= ", begin)),
    };
    Bound {
        path,
        operator,
        value,
        limit: Some(limit),
    }
}

/// The first key of the value's type, and the first key of the next type, as SQL.
fn type_range(value: &Scalar) -> (&'static str, &'static str) {
    match value {
        Scalar::Null => ("'1'", "'2'"),
        Scalar::Integer(_) | Scalar::Double(_) => ("'2'", "'3'"),
        Scalar::String(_) => ("'3'", "'4'"),
        Scalar::Boolean(_) => ("'6'", "'7'"),
        Scalar::Date(_) => ("'7'", "'8'"),
    }
}

fn fits_in_key(value: &Scalar) -> bool {
    !matches!(value, Scalar::String(text) if text.len() > MAX_TEXT)
}

/// Whether index entries that are equal in the `fixed` fields are in the order of `sort`, forwards or
/// backwards.
fn is_ordered(fixed: &[(Path, Direction)], following: &[(Path, Direction)], sort: &Sort) -> bool {
    let wanted = sort
        .fields()
        .iter()
        .take_while(|(path, _)| !path.is_id())
        .filter(|(path, _)| !fixed.iter().any(|(fixed, _)| fixed == path));
    let mut same_direction = Vec::new();
    let mut following = following.iter();
    for (path, direction) in wanted {
        match following.next() {
            Some((field, indexed)) if field == path => same_direction.push(indexed == direction),
            _ => return false,
        }
    }
    same_direction
        .windows(2)
        .all(|pair| pair.first() == pair.last())
}

impl Plan<'_> {
    /// Appends ` from … t`, which has the columns `id` and `body` of all matching documents.
    pub(super) fn append_source(
        &self,
        statement: &mut Statement,
        collection: &Collection,
        filter: &Filter,
    ) {
        statement.text(" from (");
        self.append_plain_half(statement, collection);
        statement.text(" union all ");
        self.append_other_half(statement, collection, filter, None);
        statement.text(") t");
    }

    /// Like [`Plan::append_source`]. If the index is in the order of `sort`, each half returns at most
    /// its first `max_rows` documents.
    pub(super) fn append_ordered_source(
        &self,
        statement: &mut Statement,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        max_rows: i64,
    ) {
        if !self.ordered {
            return self.append_source(statement, collection, filter);
        }
        statement.text(" from ((");
        self.append_plain_half(statement, collection);
        statement.text(" order by ");
        for (path, direction) in sort.fields().iter().take_while(|(path, _)| !path.is_id()) {
            index::append_key(statement, path);
            statement.text(order::keyword(*direction)).text(", ");
        }
        statement
            .text("t.id")
            .text(order::keyword(order::id_direction(sort)));
        statement
            .text(" limit ")
            .parameter(Parameter::Number(max_rows));
        statement.text(") union all (");
        self.append_other_half(statement, collection, filter, Some((sort, max_rows)));
        statement.text(")) t");
    }

    fn append_plain_half(&self, statement: &mut Statement, collection: &Collection) {
        statement
            .text("select t.id, t.body from ")
            .table(collection)
            .text(" t where ");
        index::append_plain(statement, self.index, true);
        for bound in &self.bounds {
            statement.text(" and ");
            index::append_key(statement, bound.path);
            statement
                .text(bound.operator)
                .text("spindle_key_1(")
                .parameter(Parameter::Text(bound.value.to_json()))
                .text("::jsonb)");
            if let Some((operator, limit)) = bound.limit {
                statement.text(" and ");
                index::append_key(statement, bound.path);
                statement.text(operator).text(limit);
            }
        }
        condition::append_unindexed(statement, &self.rest);
    }

    fn append_other_half(
        &self,
        statement: &mut Statement,
        collection: &Collection,
        filter: &Filter,
        ordered: Option<(&Sort, i64)>,
    ) {
        statement
            .text("select t.id, t.body from ")
            .table(collection)
            .text(" t");
        if let Some((sort, _)) = ordered {
            order::append_keys(statement, sort);
        }
        statement.text(" where ");
        index::append_plain(statement, self.index, false);
        condition::append_unindexed(statement, std::slice::from_ref(filter));
        if let Some((sort, max_rows)) = ordered {
            order::append_order(statement, sort);
            statement
                .text(" limit ")
                .parameter(Parameter::Number(max_rows));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Describes the plan: index, bounds, number of remaining conditions, and whether it is ordered.
    fn describe_plan(filter: &str, sort: &[(&str, Direction)]) -> Option<String> {
        let index = |name: &str, fields: &[&str]| {
            let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
            Index::new("events", name, &fields, false).unwrap()
        };
        let indexes = [
            index("by_user", &["user", "-at"]),
            index("by_at", &["-at"]),
            index("by_kind", &["kind"]),
        ];
        let sort: Vec<_> = sort
            .iter()
            .map(|(name, direction)| ((*name).to_owned(), *direction))
            .collect();
        let (filter, sort) = (Filter::parse(filter).unwrap(), Sort::parse(&sort).unwrap());
        let collection = Collection::new("events").unwrap();
        let plan = choose(&indexes, &collection, &filter, &sort)?;
        let bounds: Vec<_> = plan
            .bounds
            .iter()
            .map(|bound| format!("{}{}{}", bound.path, bound.operator, bound.value.to_json()))
            .collect();
        let (name, rest, ordered) = (plan.index.name(), plan.rest.len(), plan.ordered);
        Some(format!("{name} [{}] {rest} {ordered}", bounds.join(", ")))
    }

    #[test]
    fn equality_allows_order_by_the_next_index_field() {
        let newest = [("at", Direction::Descending)];
        for (filter, sort, expected) in [
            (
                r#"{"user":"a"}"#,
                &newest[..],
                "by_user [user = \"a\"] 0 true",
            ),
            (
                r#"{"user":"a","at":{"$gte":1,"$lt":9},"x":2}"#,
                &newest,
                "by_user [user = \"a\", at >= 1, at < 9] 1 true",
            ),
            ("{}", &newest, "by_at [] 0 true"),
            ("{}", &[("at", Direction::Ascending)], "by_at [] 0 true"),
            (r#"{"kind":null}"#, &newest, "by_kind [kind = null] 0 false"),
            (r#"{"at":{"$gt":"x"}}"#, &[], "by_at [at > \"x\"] 0 true"),
        ] {
            assert_eq!(
                describe_plan(filter, sort).as_deref(),
                Some(expected),
                "{filter}"
            );
        }
    }

    #[test]
    fn conditions_that_keys_do_not_decide_use_no_index() {
        let long = format!(r#"{{"user":"{}"}}"#, "x".repeat(201));
        for filter in [
            "{}",
            r#"{"other":1}"#,
            r#"{"user":{"$ne":1}}"#,
            r#"{"user":{"$in":[1,2]}}"#,
            r#"{"$or":[{"user":1},{"at":2}]}"#,
            &long,
        ] {
            assert_eq!(
                describe_plan(filter, &[("x", Direction::Ascending)]),
                None,
                "{filter}"
            );
        }
    }

    #[test]
    fn a_filter_that_names_ids_uses_the_primary_key() {
        for filter in [
            r#"{"_id":"a","user":"b"}"#,
            r#"{"_id":{"$in":["a","b"]},"at":{"$lt":5}}"#,
        ] {
            assert_eq!(describe_plan(filter, &[]), None, "{filter}");
        }
        // A range of ids may be the whole collection.
        let range = r#"{"_id":{"$gt":"a"},"user":"b"}"#;
        let expected = Some("by_user [user = \"b\"] 1 true");
        assert_eq!(describe_plan(range, &[]).as_deref(), expected);
    }

    #[test]
    fn query_is_a_union_of_plain_and_other_documents() {
        let index = Index::new("events", "by_at", &["-at".to_owned()], false).unwrap();
        let collection = Collection::new("events").unwrap();
        let filter = Filter::parse(r#"{"at":{"$lt":5},"x":1}"#).unwrap();
        let indexes = [index];
        let plan = choose(&indexes, &collection, &filter, &Sort::default()).unwrap();
        let mut statement = Statement::default();
        plan.append_source(&mut statement, &collection, &filter);
        assert_eq!(
            statement.sql(),
            " from (select t.id, t.body from \"events\" t where (spindle_plain_1(body, array['at'])) \
             and (spindle_key_1(body #> array['at']) collate \"C\") < spindle_key_1($1::jsonb) \
             and (spindle_key_1(body #> array['at']) collate \"C\") >= '2' \
             and jsonb_path_match(t.body, $2::jsonpath, '{}', true) union all \
             select t.id, t.body from \"events\" t where not (spindle_plain_1(body, array['at'])) \
             and jsonb_path_match(t.body, $3::jsonpath, '{}', true)) t"
        );
    }
}
