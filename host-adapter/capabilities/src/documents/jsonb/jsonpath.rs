//! Filters and paths as text of PostgreSQL's type `jsonpath`.
//!
//! Names and values get into it by [`quoted`] alone: JSON's string syntax, which is jsonpath's too. A
//! jsonpath only reads the document it is applied to, so that even a mistake here could show a caller
//! nothing that another filter would not.
//!
//! A comparison whose types differ is neither true nor false in jsonpath but unknown, and stays so
//! when it is negated; `!exists($ ? (…))` is the negation that takes unknown for false.

use super::super::{Comparison, Filter, Path, Scalar, Test};

/// A predicate that is true of the documents that pass all of `filters`, of which there is one at least.
pub(super) fn all(filters: &[Filter]) -> String {
    joined(filters.iter().map(predicate), " && ")
}

/// The value of a field itself, and nothing where the way to it crosses an array.
pub(super) fn exactly(path: &Path) -> String {
    format!("strict {}", accessors("$", path.names()))
}

/// The values of a field and, where it is an array, its elements instead.
pub(super) fn elements(path: &Path) -> String {
    format!("{}[*]", accessors("$", path.names()))
}

fn predicate(filter: &Filter) -> String {
    match filter {
        Filter::All(filters) if filters.is_empty() => "1 == 1".to_owned(),
        Filter::All(filters) => all(filters),
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

/// MongoDB's meaning of `null`: along some way to the field it is null or an array with a null, or an
/// object lacks it, or something that is neither object nor array is in its way. `item` is an object.
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

    fn path_of(filter: &str) -> String {
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
            assert_eq!(path_of(filter), expected, "{filter}");
        }
    }

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(
            path_of(r#"{"a\" == 1 || \\":"\" || 1 == 1 || \""}"#),
            r#"($."a\" == 1 || \\" == "\" || 1 == 1 || \"")"#
        );
        assert_eq!(
            exactly(&Path::parse("a\"\n.*").unwrap()),
            r#"strict $."a\"\n"."*""#
        );
    }
}
