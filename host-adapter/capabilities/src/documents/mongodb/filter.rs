//! Translates filters, updates and sort orders for MongoDB.
//!
//! Every comparison, including equality, has an explicit operator, so a value cannot be mistaken for one.

use mongodb::bson::{Bson, Document, doc};

use super::super::{Change, Comparison, Filter, Sort, Test, Update};
use super::{super::Direction, bson};

/// Translates a filter.
pub(super) fn translate_filter(filter: &Filter) -> Document {
    match filter {
        // MongoDB limits nesting too, so a list with one element is not nested.
        Filter::All(filters) => match filters.as_slice() {
            [] => Document::new(),
            [only] => translate_filter(only),
            filters => doc! { "$and": translate_list(filters) },
        },
        Filter::Any(filters) => match filters.as_slice() {
            [only] => translate_filter(only),
            filters => doc! { "$or": translate_list(filters) },
        },
        Filter::Field(path, test) => doc! { path.to_string(): translate_test(test) },
    }
}

/// Translates an update.
pub(super) fn translate_update(update: &Update) -> Document {
    let (mut set, mut increment, mut unset) = (Document::new(), Document::new(), Document::new());
    for (path, change) in update.changes() {
        let path = path.to_string();
        match change {
            Change::Set(value) => set.insert(path, bson::value(value)),
            Change::Increment(by) => increment.insert(path, bson::scalar(by)),
            Change::Unset => unset.insert(path, ""),
        };
    }
    // MongoDB before 5.0 rejects an empty operator.
    let operators = [("$set", set), ("$inc", increment), ("$unset", unset)];
    operators
        .into_iter()
        .filter(|(_, fields)| !fields.is_empty())
        .map(|(operator, fields)| (operator.to_owned(), Bson::Document(fields)))
        .collect()
}

/// Translates a sort order. It always ends with `_id`.
pub(super) fn translate_sort(sort: &Sort) -> Document {
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

fn translate_list(filters: &[Filter]) -> Vec<Bson> {
    filters
        .iter()
        .map(|filter| Bson::Document(translate_filter(filter)))
        .collect()
}

fn translate_test(test: &Test) -> Document {
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

    fn translate(text: &str) -> Document {
        translate_filter(&Filter::parse(text).unwrap())
    }

    #[test]
    fn every_comparison_has_an_operator() {
        assert_eq!(translate("{}"), doc! {});
        assert_eq!(
            translate(r#"{"a.b":1,"c":{"$gt":"x"},"$or":[{"d":null},{}]}"#),
            doc! { "$and": [
                { "a.b": { "$eq": 1 } },
                { "c": { "$gt": "x" } },
                { "$or": [{ "d": { "$eq": null } }, {}] },
            ] }
        );
    }

    #[test]
    fn lists_of_one_add_no_nesting() {
        assert_eq!(
            translate(r#"{"$and":[{"$or":[{"$and":[{"a":{"$in":[true]}}]}]}]}"#),
            doc! { "a": { "$in": [true] } }
        );
    }

    #[test]
    fn update_omits_empty_operators() {
        let parsed = Update::parse(r#"{"$inc":{"n":1},"$unset":{"a.b":1}}"#).unwrap();
        assert_eq!(
            translate_update(&parsed),
            doc! { "$inc": { "n": 1 }, "$unset": { "a.b": "" } }
        );
    }

    #[test]
    fn order_ends_at_the_id() {
        let fields = |names: &[(&str, Direction)]| {
            let fields: Vec<_> = names
                .iter()
                .map(|(name, direction)| ((*name).to_owned(), *direction))
                .collect();
            translate_sort(&Sort::parse(&fields).unwrap())
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
