//! Translates filters and paths to the text of PostgreSQL's type `jsonpath`.
//!
//! Names and strings are always quoted by JSON's string syntax, which jsonpath shares. A jsonpath reads only
//! the document that it is applied to, so even a quoting error could not reveal more than another filter.
//!
//! A comparison of different types is unknown in jsonpath, and its negation is unknown too.
//! `!exists($ ? (…))` is a negation that treats unknown as false.

use super::super::{Comparison, Filter, Path, Scalar, Test};

/// The predicate for documents that match all of `filters`, which must not be empty.
pub(super) fn all_of(filters: &[Filter]) -> String {
    joined(filters.iter().map(predicate), " && ")
}

/// The path to the value of a field. It selects nothing if it crosses an array.
pub(super) fn exact_path(path: &Path) -> String {
    format!("strict {}", accessors("$", path.names()))
}

/// The path to the values of a field. It selects the elements of an array instead of the array.
pub(super) fn element_path(path: &Path) -> String {
    format!("{}[*]", accessors("$", path.names()))
}

fn predicate(filter: &Filter) -> String {
    match filter {
        Filter::All(filters) if filters.is_empty() => "1 == 1".to_owned(),
        Filter::All(filters) => all_of(filters),
        Filter::Any(filters) => joined(filters.iter().map(predicate), " || "),
        Filter::Field(path, test) => field(path, test),
    }
}

fn field(path: &Path, test: &Test) -> String {
    match test {
        Test::Equal(scalar) => equal(path, scalar),
        Test::NotEqual(scalar) => format!("!exists($ ? ({}))", equal(path, scalar)),
        Test::In(scalars) if scalars.is_empty() => "1 == 0".to_owned(),
        Test::In(scalars) => joined(scalars.iter().map(|scalar| equal(path, scalar)), " || "),
        Test::Order(comparison, scalar) => compared(path, symbol(*comparison), scalar),
        Test::Exists(true) => format!("exists({})", accessors("$", path.names())),
        Test::Exists(false) => format!("!exists({})", accessors("$", path.names())),
    }
}

fn equal(path: &Path, scalar: &Scalar) -> String {
    match scalar {
        Scalar::Null => null_or_missing("$", path.names()),
        scalar => compared(path, "==", scalar),
    }
}

fn compared(path: &Path, symbol: &str, scalar: &Scalar) -> String {
    let field = accessors("$", path.names());
    match scalar {
        Scalar::Date(date) => format!(r#"{field}."$date" {symbol} "{date}""#),
        scalar => format!("{field} {symbol} {}", scalar.to_json()),
    }
}

/// MongoDB's equality with `null`, for an object `item`. A path can reach several fields, because it
/// crosses arrays. It is enough that one of them is null, is an array with a null, is missing, or is
/// behind a value that is not an object or an array.
fn null_or_missing(item: &str, names: &[String]) -> String {
    let Some((name, inner)) = names.split_first() else {
        return "1 == 0".to_owned();
    };
    let field = accessors(item, std::slice::from_ref(name));
    if inner.is_empty() {
        return format!("(!exists({field}) || {field} == null)");
    }
    let object = r#"@.type() == "object" && !exists(@."$date")"#;
    let inner = null_or_missing("@", inner);
    format!(
        r#"(!exists({field}) || ({field}.type() != "array" && !exists({field} ? ({object}))) || exists({field} ? ({object} && {inner})))"#
    )
}

fn accessors(item: &str, names: &[String]) -> String {
    names.iter().fold(item.to_owned(), |text, name| {
        format!("{text}.{}", quoted(name))
    })
}

fn quoted(name: &str) -> String {
    Scalar::String(name.to_owned()).to_json()
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}

fn joined(predicates: impl Iterator<Item = String>, operator: &str) -> String {
    format!("({})", predicates.collect::<Vec<_>>().join(operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translate(filter: &str) -> String {
        predicate(&Filter::parse(filter).unwrap())
    }

    #[test]
    fn operators_become_predicates() {
        for (filter, expected) in [
            (
                r#"{"a.b":-1,"c":{"$gte":1.5,"$lt":"x"}}"#,
                r#"($."a"."b" == -1 && $."c" >= 1.5 && $."c" < "x")"#,
            ),
            (
                r#"{"a":{"$in":[true,2]}}"#,
                r#"(($."a" == true || $."a" == 2))"#,
            ),
            (r#"{"a":{"$in":[]}}"#, "(1 == 0)"),
            (r#"{"a":{"$ne":1}}"#, r#"(!exists($ ? ($."a" == 1)))"#),
            (
                r#"{"$or":[{"a":null},{}]}"#,
                r#"((((!exists($."a") || $."a" == null)) || 1 == 1))"#,
            ),
            (
                r#"{"a":{"$gt":{"$date":"2026-01-31T12:00:00Z"}}}"#,
                r#"($."a"."$date" > "2026-01-31T12:00:00.000Z")"#,
            ),
            (r#"{"a":{"$exists":false}}"#, r#"(!exists($."a"))"#),
        ] {
            assert_eq!(translate(filter), expected, "{filter}");
        }
    }

    #[test]
    fn text_cannot_escape_its_quotes() {
        assert_eq!(
            translate(r#"{"a\" == 1 || \\":"\" || 1 == 1 || \""}"#),
            r#"($."a\" == 1 || \\" == "\" || 1 == 1 || \"")"#
        );
        assert_eq!(
            exact_path(&Path::parse("a\"\n.*").unwrap()),
            r#"strict $."a\"\n"."*""#
        );
    }
}
