//! Filters: conditions that select documents.

use super::{
    Error, Fields, Path, Scalar, Value, json,
    limits::{MAX_CONDITIONS, MAX_IN_VALUES},
};

/// A condition on a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of the filters match. An empty list matches every document.
    All(Vec<Self>),
    /// At least one of the filters matches. The list is never empty.
    Any(Vec<Self>),
    /// The field at the path passes the test.
    Field(Path, Test),
}

/// A test of one field. An array passes a comparison if one of its elements does.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The field equals the value. A missing field equals null.
    Equal(Scalar),
    /// The negation of [`Test::Equal`].
    NotEqual(Scalar),
    /// The field equals one of the values. An empty list matches nothing.
    In(Vec<Scalar>),
    /// The field has the type of the value and compares with it as given. The value is not null.
    Order(Comparison, Scalar),
    /// Whether the field exists. A field that is null exists.
    Exists(bool),
}

/// An ordering comparison of a field with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `$gt`
    Greater,
    /// `$gte`
    GreaterOrEqual,
    /// `$lt`
    Less,
    /// `$lte`
    LessOrEqual,
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        Parser::default().parse_filter(json::parse(text, "the filter")?)
    }
}

/// Parses a filter and counts its comparisons, because they determine what the filter costs.
#[derive(Default)]
struct Parser {
    conditions: usize,
    in_values: usize,
}

impl Parser {
    fn parse_filter(&mut self, filter: Value) -> Result<Filter, Error> {
        let Value::Object(fields) = filter else {
            return Err(Error::Invalid("the filter is not a JSON object".to_owned()));
        };
        let mut all = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            match name.as_str() {
                "$and" => all.push(Filter::All(self.parse_filters(&name, value)?)),
                "$or" => all.push(Filter::Any(self.parse_filters(&name, value)?)),
                _ if name.starts_with('$') => return Err(unknown_operator(&name)),
                _ => self.parse_field(&Path::parse(&name)?, value, &mut all)?,
            }
        }
        Ok(Filter::All(all))
    }

    fn parse_filters(&mut self, operator: &str, value: Value) -> Result<Vec<Filter>, Error> {
        match value {
            // An empty list is an error in MongoDB too.
            Value::Array(filters) if !filters.is_empty() => filters
                .into_iter()
                .map(|filter| self.parse_filter(filter))
                .collect(),
            _ => Err(Error::Invalid(format!(
                "`{operator}` takes a list of at least one filter"
            ))),
        }
    }

    fn parse_field(
        &mut self,
        path: &Path,
        value: Value,
        all: &mut Vec<Filter>,
    ) -> Result<(), Error> {
        match value {
            Value::Object(operators) if operators.iter().any(|(name, _)| name.starts_with('$')) => {
                self.parse_operators(path, operators, all)
            }
            value => {
                let test = Test::Equal(require_scalar(path, "$eq", value)?);
                self.add_condition(path, test, all)
            }
        }
    }

    fn parse_operators(
        &mut self,
        path: &Path,
        operators: Fields,
        all: &mut Vec<Filter>,
    ) -> Result<(), Error> {
        for (operator, value) in operators {
            let test = match operator.as_str() {
                "$eq" => Test::Equal(require_scalar(path, &operator, value)?),
                "$ne" => Test::NotEqual(require_scalar(path, &operator, value)?),
                "$gt" => Test::Order(Comparison::Greater, require_bound(path, &operator, value)?),
                "$gte" => Test::Order(
                    Comparison::GreaterOrEqual,
                    require_bound(path, &operator, value)?,
                ),
                "$lt" => Test::Order(Comparison::Less, require_bound(path, &operator, value)?),
                "$lte" => Test::Order(
                    Comparison::LessOrEqual,
                    require_bound(path, &operator, value)?,
                ),
                "$in" => Test::In(self.parse_in_values(path, value)?),
                "$exists" => Test::Exists(require_boolean(path, &value)?),
                _ => return Err(unknown_operator(&operator)),
            };
            self.add_condition(path, test, all)?;
        }
        Ok(())
    }

    fn add_condition(
        &mut self,
        path: &Path,
        test: Test,
        all: &mut Vec<Filter>,
    ) -> Result<(), Error> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(Error::Invalid(format!(
                "a filter has at most {MAX_CONDITIONS} conditions"
            )));
        }
        all.push(Filter::Field(path.clone(), test));
        Ok(())
    }

    fn parse_in_values(&mut self, path: &Path, value: Value) -> Result<Vec<Scalar>, Error> {
        let Value::Array(values) = value else {
            return Err(Error::Invalid(format!("`$in` of `{path}` takes a list")));
        };
        self.in_values += values.len();
        if self.in_values > MAX_IN_VALUES {
            return Err(Error::Invalid(format!(
                "a filter has at most {MAX_IN_VALUES} values in `$in`"
            )));
        }
        values
            .into_iter()
            .map(|value| require_scalar(path, "$in", value))
            .collect()
    }
}

fn require_scalar(path: &Path, operator: &str, value: Value) -> Result<Scalar, Error> {
    match value {
        Value::Scalar(scalar) => Ok(scalar),
        Value::Array(_) | Value::Object(_) => Err(Error::Invalid(format!(
            "`{operator}` of `{path}` cannot compare a whole array or object"
        ))),
    }
}

/// Rejects null, because no value is less or greater than null.
fn require_bound(path: &Path, operator: &str, value: Value) -> Result<Scalar, Error> {
    match require_scalar(path, operator, value)? {
        Scalar::Null => Err(Error::Invalid(format!(
            "`{operator}` of `{path}` cannot compare with `null`"
        ))),
        scalar => Ok(scalar),
    }
}

fn require_boolean(path: &Path, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Scalar(Scalar::Boolean(flag)) => Ok(*flag),
        _ => Err(Error::Invalid(format!(
            "`$exists` of `{path}` takes `true` or `false`"
        ))),
    }
}

fn unknown_operator(name: &str) -> Error {
    Error::Invalid(format!(
        "`{}` is not a filter operator; the operators are `$and`, `$or`, and for a field `$eq`, `$ne`, \
         `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$exists`",
        name.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(path: &str, test: Test) -> Filter {
        Filter::Field(Path::parse(path).unwrap(), test)
    }

    fn text(value: &str) -> Scalar {
        Scalar::String(value.to_owned())
    }

    #[test]
    fn fields_and_operators_combine() {
        let filter = Filter::parse(
            r#"{"a":1,"b.c":{"$gt":1.5,"$lte":"x"},"$or":[{"d":null},{"d":{"$in":[true,"y"]},"e":{"$exists":false}}],"$and":[{}]}"#,
        );
        let expected = Filter::All(vec![
            field("a", Test::Equal(Scalar::Integer(1))),
            field("b.c", Test::Order(Comparison::Greater, Scalar::Double(1.5))),
            field("b.c", Test::Order(Comparison::LessOrEqual, text("x"))),
            Filter::Any(vec![
                Filter::All(vec![field("d", Test::Equal(Scalar::Null))]),
                Filter::All(vec![
                    field("d", Test::In(vec![Scalar::Boolean(true), text("y")])),
                    field("e", Test::Exists(false)),
                ]),
            ]),
            Filter::All(vec![Filter::All(vec![])]),
        ]);
        assert_eq!(filter.unwrap(), expected);
        assert_eq!(Filter::parse(" {} ").unwrap(), Filter::All(vec![]));
    }

    #[test]
    fn date_is_a_value_and_not_an_operator() {
        let filter = Filter::parse(r#"{"at":{"$date":"2026-01-31T12:00:00Z"}}"#).unwrap();
        assert!(
            matches!(filter, Filter::All(all) if matches!(all[..], [Filter::Field(_, Test::Equal(Scalar::Date(_)))]))
        );
    }

    #[test]
    fn text_outside_the_filter_language_is_invalid() {
        for text in [
            "",
            "[]",
            "1",
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":{"$eq":{"b":1}}}"#,
            r#"{"a":{"$gt":1,"b":2}}"#,
            r#"{"a":{"$gt":null}}"#,
            r#"{"a":{"$lt":[1]}}"#,
            r#"{"a":{"$in":1}}"#,
            r#"{"a":{"$in":[[1]]}}"#,
            r#"{"a":{"$exists":1}}"#,
            r#"{"$and":[]}"#,
            r#"{"$or":{}}"#,
            r#"{"$or":[1]}"#,
            r#"{"":1}"#,
            r#"{"a.":1}"#,
            r#"{"a.0":1}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"$date":"2026-01-31T12:00:00Z","$gt":1}}"#,
        ] {
            assert!(
                matches!(Filter::parse(text), Err(Error::Invalid(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn error_names_the_unknown_operator() {
        for (text, operator) in [
            (r#"{"$where":"1"}"#, "`$where`"),
            (r#"{"a":{"$regex":"x"}}"#, "`$regex`"),
            (r#"{"$and":[{"a":{"$not":{"$gt":1}}}]}"#, "`$not`"),
            (r#"{"a":{"$and":[]}}"#, "`$and`"),
        ] {
            assert!(
                Filter::parse(text)
                    .unwrap_err()
                    .to_string()
                    .starts_with(operator),
                "{text}"
            );
        }
    }

    #[test]
    fn comparison_limit_covers_the_whole_filter() {
        let conditions =
            |count: usize| format!(r#"{{"$and":[{}]}}"#, vec![r#"{"a":1}"#; count].join(","));
        assert!(Filter::parse(&conditions(MAX_CONDITIONS)).is_ok());
        assert!(matches!(
            Filter::parse(&conditions(MAX_CONDITIONS + 1)),
            Err(Error::Invalid(_))
        ));
        let values = |count: usize| {
            format!(
                r#"{{"a":{{"$in":[{}]}},"b":{{"$in":[1]}}}}"#,
                vec!["1"; count].join(",")
            )
        };
        assert!(Filter::parse(&values(MAX_IN_VALUES - 1)).is_ok());
        assert!(matches!(
            Filter::parse(&values(MAX_IN_VALUES)),
            Err(Error::Invalid(_))
        ));
    }

    #[test]
    fn excessive_nesting_is_too_large() {
        let text = format!("{}{{}}{}", r#"{"$and":["#.repeat(1_000), "]}".repeat(1_000));
        assert!(matches!(Filter::parse(&text), Err(Error::TooLarge(_))));
    }
}
