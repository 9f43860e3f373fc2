//! Filters and updates as MongoDB's own.
//!
//! Every comparison is written with its operator, also equality, so that no value can be taken for one.

use mongodb::bson::{Bson, Document, doc};

use super::super::{Change, Comparison, Filter, Sort, Test, Update};
use super::{super::Direction, bson};

/// A filter that means the same.
pub(super) fn filter(filter: &Filter) -> Document {
    match filter {
        // Each level costs depth, of which MongoDB has a limit too.
        Filter::All(filters) => match filters.as_slice() {
            [] => Document::new(),
            [only] => self::filter(only),
            filters => doc! { "$and": list(filters) },
        },
        Filter::Any(filters) => match filters.as_slice() {
            [only] => self::filter(only),
            filters => doc! { "$or": list(filters) },
        },
        Filter::Field(path, test) => doc! { path.to_string(): self::test(test) },
    }
}

/// An update that means the same.
pub(super) fn update(update: &Update) -> Document {
    let (mut set, mut increment, mut unset) = (Document::new(), Document::new(), Document::new());
    for (path, change) in update.changes() {
        let path = path.to_string();
        match change {
            Change::Set(value) => set.insert(path, bson::value(value)),
            Change::Increment(by) => increment.insert(path, bson::scalar(by)),
            Change::Unset => unset.insert(path, ""),
        };
    }
    // MongoDB before 5.0 refuses an empty operator.
    let operators = [("$set", set), ("$inc", increment), ("$unset", unset)];
    operators
        .into_iter()
        .filter(|(_, fields)| !fields.is_empty())
        .map(|(operator, fields)| (operator.to_owned(), Bson::Document(fields)))
        .collect()
}

/// The order of a result, always down to `_id`.
pub(super) fn sort(sort: &Sort) -> Document {
    let mut order = Document::new();
    for (path, direction) in sort.fields() {
        order.insert(path.to_string(), sign(*direction));
        if path.is_id() {
            return order;
        }
    }
    order.insert("_id", 1);
    order
}

/// MongoDB's number for a direction.
pub(super) fn sign(direction: Direction) -> i32 {
    match direction {
        Direction::Ascending => 1,
        Direction::Descending => -1,
    }
}

fn list(filters: &[Filter]) -> Vec<Bson> {
    filters
        .iter()
        .map(|filter| Bson::Document(self::filter(filter)))
        .collect()
}

fn test(test: &Test) -> Document {
    match test {
        Test::Equal(scalar) => doc! { "$eq": bson::scalar(scalar) },
        Test::NotEqual(scalar) => doc! { "$ne": bson::scalar(scalar) },
        Test::In(scalars) => {
            doc! { "$in": scalars.iter().map(bson::scalar).collect::<Vec<_>>() }
        }
        Test::Order(comparison, scalar) => doc! { operator(*comparison): bson::scalar(scalar) },
        Test::Exists(exists) => doc! { "$exists": *exists },
    }
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => "$gt",
        Comparison::GreaterOrEqual => "$gte",
        Comparison::Less => "$lt",
        Comparison::LessOrEqual => "$lte",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(text: &str) -> Document {
        filter(&Filter::parse(text).unwrap())
    }

    #[test]
    fn every_comparison_has_its_operator() {
        assert_eq!(translated("{}"), doc! {});
        assert_eq!(
            translated(r#"{"a.b":1,"c":{"$gt":"x"},"$or":[{"d":null},{}]}"#),
            doc! { "$and": [
                { "a.b": { "$eq": 1 } },
                { "c": { "$gt": "x" } },
                { "$or": [{ "d": { "$eq": null } }, {}] },
            ] }
        );
    }

    #[test]
    fn lists_of_one_cost_no_depth() {
        assert_eq!(
            translated(r#"{"$and":[{"$or":[{"$and":[{"a":{"$in":[true]}}]}]}]}"#),
            doc! { "a": { "$in": [true] } }
        );
    }

    #[test]
    fn an_update_has_no_empty_operator() {
        let parsed = Update::parse(r#"{"$inc":{"n":1},"$unset":{"a.b":1}}"#).unwrap();
        assert_eq!(
            update(&parsed),
            doc! { "$inc": { "n": 1 }, "$unset": { "a.b": "" } }
        );
    }

    #[test]
    fn the_order_ends_at_the_id() {
        let fields = |names: &[(&str, Direction)]| {
            let fields: Vec<_> = names
                .iter()
                .map(|(name, direction)| ((*name).to_owned(), *direction))
                .collect();
            sort(&Sort::parse(&fields).unwrap())
        };
        assert_eq!(
            fields(&[("a", Direction::Descending)]),
            doc! { "a": -1, "_id": 1 }
        );
        assert_eq!(
            fields(&[("_id", Direction::Descending), ("a", Direction::Ascending)]),
            doc! { "_id": -1 }
        );
    }
}
