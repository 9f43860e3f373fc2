//! Which documents are meant.

use super::{
    Error, Fields, Path, Scalar, Value, json,
    limits::{MAX_CONDITIONS, MAX_IN_VALUES},
};

/// A condition on a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Each of them holds; of none, always.
    All(Vec<Self>),
    /// At least one of them holds. Never empty.
    Any(Vec<Self>),
    /// What a field must be.
    Field(Path, Test),
}

/// What a field must be. An array passes a comparison when one of its elements does.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal; null also when it is missing.
    Equal(Scalar),
    /// Not [`Test::Equal`].
    NotEqual(Scalar),
    /// Equal to one of them. Of none, never.
    In(Vec<Scalar>),
    /// Of the same type as the value, which is not null, and before or after it.
    Order(Comparison, Scalar),
    /// There, even as null; or not.
    Exists(bool),
}

/// How a field lies to a value.
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
        Parser::default().filter(json::parse(text, "the filter")?)
    }
}

/// Counts while it reads, since the cost of a filter is in the number of its comparisons.
#[derive(Default)]
struct Parser {
    conditions: usize,
    in_values: usize,
}

impl Parser {
    fn filter(&mut self, filter: Value) -> Result<Filter, Error> {
        let Value::Object(fields) = filter else {
            return Err(Error::Invalid("a filter is a JSON object".to_owned()));
        };
        let mut all = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            match name.as_str() {
                "$and" => all.push(Filter::All(self.filters(&name, value)?)),
                "$or" => all.push(Filter::Any(self.filters(&name, value)?)),
                _ if name.starts_with('$') => return Err(unknown_operator(&name)),
                _ => self.field(&Path::parse(&name)?, value, &mut all)?,
            }
        }
        Ok(Filter::All(all))
    }

    fn filters(&mut self, operator: &str, value: Value) -> Result<Vec<Filter>, Error> {
        match value {
            // An empty list is an error in MongoDB too, which spares the question what it means.
            Value::Array(filters) if !filters.is_empty() => filters
                .into_iter()
                .map(|filter| self.filter(filter))
                .collect(),
            _ => Err(Error::Invalid(format!(
                "`{operator}` takes a list of at least one filter"
            ))),
        }
    }

    fn field(&mut self, path: &Path, value: Value, all: &mut Vec<Filter>) -> Result<(), Error> {
        match value {
            Value::Object(operators) if operators.iter().any(|(name, _)| name.starts_with('$')) => {
                self.operators(path, operators, all)
            }
            value => {
                let test = Test::Equal(scalar(path, "$eq", value)?);
                self.add(path, test, all)
            }
        }
    }

    fn operators(
        &mut self,
        path: &Path,
        operators: Fields,
        all: &mut Vec<Filter>,
    ) -> Result<(), Error> {
        for (operator, value) in operators {
            let test = match operator.as_str() {
                "$eq" => Test::Equal(scalar(path, &operator, value)?),
                "$ne" => Test::NotEqual(scalar(path, &operator, value)?),
                "$gt" => Test::Order(Comparison::Greater, bound(path, &operator, value)?),
                "$gte" => Test::Order(Comparison::GreaterOrEqual, bound(path, &operator, value)?),
                "$lt" => Test::Order(Comparison::Less, bound(path, &operator, value)?),
                "$lte" => Test::Order(Comparison::LessOrEqual, bound(path, &operator, value)?),
                "$in" => Test::In(self.list(path, value)?),
                "$exists" => Test::Exists(flag(path, &value)?),
                _ => return Err(unknown_operator(&operator)),
            };
            self.add(path, test, all)?;
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, test: Test, all: &mut Vec<Filter>) -> Result<(), Error> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(Error::Invalid(format!(
                "a filter has at most {MAX_CONDITIONS} conditions"
            )));
        }
        all.push(Filter::Field(path.clone(), test));
        Ok(())
    }

    fn list(&mut self, path: &Path, value: Value) -> Result<Vec<Scalar>, Error> {
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
            .map(|value| scalar(path, "$in", value))
            .collect()
    }
}

fn scalar(path: &Path, operator: &str, value: Value) -> Result<Scalar, Error> {
    match value {
        Value::Scalar(scalar) => Ok(scalar),
        Value::Array(_) | Value::Object(_) => Err(Error::Invalid(format!(
            "`{operator}` of `{path}` cannot compare a whole array or object"
        ))),
    }
}

/// Nothing lies before or after null.
fn bound(path: &Path, operator: &str, value: Value) -> Result<Scalar, Error> {
    match scalar(path, operator, value)? {
        Scalar::Null => Err(Error::Invalid(format!(
            "`{operator}` of `{path}` cannot compare with null"
        ))),
        scalar => Ok(scalar),
    }
}

fn flag(path: &Path, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Scalar(Scalar::Boolean(flag)) => Ok(*flag),
        _ => Err(Error::Invalid(format!(
            "`$exists` of `{path}` takes true or false"
        ))),
    }
}

fn unknown_operator(name: &str) -> Error {
    Error::Invalid(format!(
        "`{}` is not an operator of filters; these are `$and`, `$or`, and of a field `$eq`, `$ne`, \
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
    fn a_date_is_a_value_and_not_an_operator() {
        let filter = Filter::parse(r#"{"at":{"$date":"2026-01-31T12:00:00Z"}}"#).unwrap();
        assert!(
            matches!(filter, Filter::All(all) if matches!(all[..], [Filter::Field(_, Test::Equal(Scalar::Date(_)))]))
        );
    }

    #[test]
    fn what_is_not_in_the_language_is_invalid() {
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
    fn unknown_operators_are_named() {
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
    fn comparisons_are_counted_over_the_whole_filter() {
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
    fn endless_nesting_is_too_large() {
        let text = format!("{}{{}}{}", r#"{"$and":["#.repeat(1_000), "]}".repeat(1_000));
        assert!(matches!(Filter::parse(&text), Err(Error::TooLarge(_))));
    }
}
