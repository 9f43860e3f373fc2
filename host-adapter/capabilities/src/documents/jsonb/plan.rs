//! Which index a query uses, and how.
//!
//! PostgreSQL chooses among indexes by itself, but only by expressions that are in the statement. So a
//! query that an index helps is written as two halves: the plain documents by their keys, which say all
//! that the covered conditions ask, and the others by the whole filter. PostgreSQL reads each half from
//! its own index, and the second is nearly always empty.

use super::super::{Collection, Comparison, Direction, Filter, Index, Path, Scalar, Sort, Test};
use super::{
    condition, index, order,
    statement::{Parameter, Statement},
};

/// Longest text that a key holds whole; see `keys.sql`.
const MAX_TEXT: usize = 200;

/// An index with the conditions and the order that it serves.
pub(super) struct Plan<'q> {
    index: &'q Index,
    bounds: Vec<Bound<'q>>,
    /// What the keys do not say.
    rest: Vec<Filter>,
    /// Whether the index has the documents in the query's order.
    ordered: bool,
}

struct Bound<'q> {
    path: &'q Path,
    operator: &'static str,
    value: &'q Scalar,
    /// For a range, where the values of the same type begin or end.
    limit: Option<(&'static str, &'static str)>,
}

/// How well an index fits: equalities, then order, then ranges.
type Fit = (usize, bool, usize);

/// The index that fits best, if any does.
pub(super) fn choose<'q>(
    indexes: &'q [Index],
    collection: &Collection,
    filter: &'q Filter,
    sort: &Sort,
) -> Option<Plan<'q>> {
    let mut conditions = Vec::new();
    flatten(filter, &mut conditions);
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

fn plan<'q>(index: &'q Index, conditions: &[&'q Filter], sort: &Sort) -> Option<(Fit, Plan<'q>)> {
    let mut covered = vec![false; conditions.len()];
    let mut bounds = Vec::new();
    let mut equal = 0;
    for (path, _) in index.fields() {
        let before = bounds.len();
        let is_equal = cover(path, conditions, &mut covered, &mut bounds);
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

/// Takes one equality of `path`, else its ranges, and says whether it was an equality.
fn cover<'q>(
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
            Test::Equal(value) if is_short(value) => {
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
            Test::Order(comparison, value) if is_short(value) => {
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
    let (begin, end) = type_limits(value);
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

/// Where keys of values of the same type begin, and before what they end, as SQL.
fn type_limits(value: &Scalar) -> (&'static str, &'static str) {
    match value {
        Scalar::Null => ("'1'", "'2'"),
        Scalar::Integer(_) | Scalar::Double(_) => ("'2'", "'3'"),
        Scalar::String(_) => ("'3'", "'4'"),
        Scalar::Boolean(_) => ("'6'", "'7'"),
        Scalar::Date(_) => ("'7'", "'8'"),
    }
}

fn is_short(value: &Scalar) -> bool {
    !matches!(value, Scalar::String(text) if text.len() > MAX_TEXT)
}

/// Whether documents that are equal in the `fixed` fields come in the order of `sort`, forwards or
/// backwards.
fn is_ordered(fixed: &[(Path, Direction)], following: &[(Path, Direction)], sort: &Sort) -> bool {
    let wanted = sort
        .fields()
        .iter()
        .take_while(|(path, _)| !path.is_id())
        .filter(|(path, _)| !fixed.iter().any(|(fixed, _)| fixed == path));
    let mut turned = Vec::new();
    let mut following = following.iter();
    for (path, direction) in wanted {
        match following.next() {
            Some((field, own)) if field == path => turned.push(own == direction),
            _ => return false,
        }
    }
    turned.windows(2).all(|pair| pair.first() == pair.last())
}

impl Plan<'_> {
    /// Appends ` from … t`, of which `t.body` and `t.id` are those of all matching documents.
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

    /// The same with no more documents than the first `most` in the order of `sort` of each half,
    /// where the index has them in that order.
    pub(super) fn append_ordered_source(
        &self,
        statement: &mut Statement,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        most: i64,
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
            .text(order::keyword(order::of_id(sort)));
        statement.text(" limit ").parameter(Parameter::Number(most));
        statement.text(") union all (");
        self.append_other_half(statement, collection, filter, Some((sort, most)));
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
        if let Some((sort, most)) = ordered {
            order::append_order(statement, sort);
            statement.text(" limit ").parameter(Parameter::Number(most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index that is used, its bounds, what is left to test, and whether it has the order.
    fn chosen(filter: &str, sort: &[(&str, Direction)]) -> Option<String> {
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
    fn equality_leads_to_the_order_behind_it() {
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
            assert_eq!(chosen(filter, sort).as_deref(), Some(expected), "{filter}");
        }
    }

    #[test]
    fn what_no_key_says_uses_no_index() {
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
                chosen(filter, &[("x", Direction::Ascending)]),
                None,
                "{filter}"
            );
        }
    }

    #[test]
    fn a_query_is_two_halves() {
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
