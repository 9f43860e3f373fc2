//! MongoDB's order of values in SQL: by type, then by number, then by text.
//!
//! Each constant is an expression over a JSONB column `v`.

use super::super::{Direction, Path, Sort};
use super::{
    jsonpath,
    statement::{Parameter, Statement},
};

/// The rank of the value's type. A missing value has the rank of null.
const RANK: &str = "case jsonb_typeof(v) when 'number' then 2 when 'string' then 3 \
    when 'object' then case when v ? '$date' then 7 else 4 end \
    when 'array' then 5 when 'boolean' then 6 else 1 end";

const NUMBER: &str = "case jsonb_typeof(v) when 'number' then v::numeric end";

/// Compared by bytes, regardless of the database's collation. `false` sorts before `true`.
const TEXT: &str = "case jsonb_typeof(v) when 'string' then v #>> '{}' when 'boolean' then v::text \
    when 'object' then v ->> '$date' end collate \"C\"";

/// Appends the ascending order of a column `v`.
pub(super) fn append_by_value(statement: &mut Statement) {
    statement
        .text(RANK)
        .text(", ")
        .text(NUMBER)
        .text(", ")
        .text(TEXT);
}

/// Appends the joins on table `t` that compute the columns for [`append_order`].
///
/// `offset 0` keeps PostgreSQL from evaluating the inner expressions again for each use.
pub(super) fn append_keys(statement: &mut Statement, sort: &Sort) {
    for (index, (path, direction)) in fields_before_id(sort) {
        statement
            .text(" cross join lateral (select ")
            .text(RANK)
            .text(" as rank, ")
            .text(NUMBER);
        statement
            .text(" as number, ")
            .text(TEXT)
            .text(" as text from (select ");
        append_representative(statement, *direction);
        statement.text(" as v from (select jsonb_path_query_array(t.body, ");
        statement.parameter(Parameter::Text(jsonpath::element_path(path)));
        statement
            .text("::jsonpath) as elements offset 0) given offset 0) representative) ")
            .numbered("k", index);
    }
}

/// Appends ` order by …`, which always ends with `_id`.
pub(super) fn append_order(statement: &mut Statement, sort: &Sort) {
    statement.text(" order by ");
    for (index, (_, direction)) in fields_before_id(sort) {
        for column in [".rank", ".number", ".text"] {
            statement
                .numbered("k", index)
                .text(column)
                .text(keyword(*direction))
                .text(", ");
        }
    }
    statement.text("t.id").text(keyword(id_direction(sort)));
}

/// The direction of `_id`.
pub(super) fn id_direction(sort: &Sort) -> Direction {
    let by_id = sort.fields().iter().find(|(path, _)| path.is_id());
    by_id.map_or(Direction::Ascending, |(_, direction)| *direction)
}

/// Appends the value that represents a field in the order: the smallest or largest element of an array.
fn append_representative(statement: &mut Statement, direction: Direction) {
    statement.text(
        "case jsonb_array_length(elements) when 0 then null when 1 then elements -> 0 else (",
    );
    statement.text("select v from jsonb_array_elements(elements) as element (v) order by ");
    for (expression, end) in [(RANK, ", "), (NUMBER, ", "), (TEXT, "")] {
        statement
            .text(expression)
            .text(keyword(direction))
            .text(end);
    }
    statement.text(" limit 1) end");
}

/// Returns the fields before `_id`. The values of `_id` are unique, so later fields have no effect.
fn fields_before_id(sort: &Sort) -> impl Iterator<Item = (usize, &(Path, Direction))> {
    sort.fields()
        .iter()
        .take_while(|(path, _)| !path.is_id())
        .enumerate()
}

/// SQL for a direction.
pub(super) fn keyword(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " asc",
        Direction::Descending => " desc",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(fields: &[(&str, Direction)]) -> String {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, direction)| ((*name).to_owned(), *direction))
            .collect();
        let mut statement = Statement::default();
        append_order(&mut statement, &Sort::parse(&fields).unwrap());
        statement.sql().to_owned()
    }

    #[test]
    fn ties_are_ordered_by_id() {
        assert_eq!(order(&[]), " order by t.id asc");
        assert_eq!(
            order(&[("a", Direction::Descending)]),
            " order by k0.rank desc, k0.number desc, k0.text desc, t.id asc"
        );
    }

    #[test]
    fn id_uses_its_column_and_ends_the_order() {
        assert_eq!(
            order(&[("_id", Direction::Descending), ("a", Direction::Ascending)]),
            " order by t.id desc"
        );
    }
}
