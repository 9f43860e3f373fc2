//! The order in which documents are returned.

use super::{Direction, Error, Path, limits::MAX_SORT_FIELDS};

/// At most 8 different fields, most significant first.
///
/// Ties are ordered by `_id`, ascending. Types are in MongoDB's order: missing and null, numbers, strings
/// (by bytes), objects, arrays, booleans, dates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sort(Vec<(Path, Direction)>);

impl Sort {
    pub(super) fn parse(fields: &[(String, Direction)]) -> Result<Self, Error> {
        if fields.len() > MAX_SORT_FIELDS {
            return Err(Error::Invalid(format!(
                "a query sorts by at most {MAX_SORT_FIELDS} fields"
            )));
        }
        let mut sort = Self::default();
        for (text, direction) in fields {
            let path = Path::parse(text)?;
            if sort.0.iter().any(|(earlier, _)| *earlier == path) {
                return Err(Error::Invalid(format!("the query sorts by `{path}` twice")));
            }
            sort.0.push((path, *direction));
        }
        Ok(sort)
    }

    /// Fields and directions, most significant first.
    #[must_use]
    pub fn fields(&self) -> &[(Path, Direction)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_repeated_or_too_many_fields_are_rejected() {
        let sort = |names: &[&str]| {
            let fields: Vec<_> = names
                .iter()
                .map(|name| ((*name).to_owned(), Direction::Ascending))
                .collect();
            Sort::parse(&fields)
        };
        assert_eq!(sort(&["a", "b.c"]).unwrap().fields().len(), 2);
        assert!(sort(&["a", "b", "a"]).is_err());
        assert!(sort(&["a", "$b"]).is_err());
        assert!(sort(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]).is_err());
    }
}
