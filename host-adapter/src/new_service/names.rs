//! The names of a new service, in the forms in which its files have them.

use anyhow::ensure;

use super::{reserved, template};
use crate::config::{RESERVED, is_name};

/// The longest name in characters: with it, the names of the table's indexes fit into PostgreSQL's 63.
const MAX_LENGTH: usize = 40;

/// The forms of a service's name, such as `order-items`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// As given: `order-items`.
    pub(super) service: String,
    /// In code and SQL: `order_items`.
    pub(super) plural: String,
    /// One of them, in code: `order_item`.
    pub(super) singular: String,
    /// The type of one: `OrderItem`.
    pub(super) type_name: String,
}

impl Names {
    /// Reads a name, or says why a service cannot have it.
    pub(super) fn parse(service: &str) -> anyhow::Result<Self> {
        let has_empty_word = service.ends_with('-') || service.contains("--");
        ensure!(
            is_name(service) && service.len() <= MAX_LENGTH && !has_empty_word,
            "`{service}` cannot be a service's name: use words of lower-case letters and digits with `-` \
             between them, at most {MAX_LENGTH} characters, such as `order-items`"
        );
        let is_reserved = RESERVED.contains(&service) || reserved::is_crate(service);
        ensure!(
            !is_reserved,
            "`{service}` is a reserved name: choose another one"
        );
        let names = Self::of(service);
        names.check_words()?;
        Ok(names)
    }

    fn of(service: &str) -> Self {
        let plural = service.replace('-', "_");
        let singular = singular(&plural);
        // `match` cannot name a variable, but `matches` can.
        let singular = if reserved::is_keyword(&singular) {
            plural.clone()
        } else {
            singular
        };
        let type_name = singular.split('_').map(capitalised).collect();
        Self {
            service: service.to_owned(),
            plural,
            singular,
            type_name,
        }
    }

    /// A name must differ from the other names in the files that are made, from Rust's and from SQL's.
    fn check_words(&self) -> anyhow::Result<()> {
        let Self {
            plural,
            singular,
            type_name,
            ..
        } = self;
        ensure!(
            !reserved::is_keyword(plural) && !reserved::is_sql(plural),
            "`{plural}` is a word of Rust or SQL: choose another name"
        );
        let used = template::words();
        if let Some(word) = [plural, singular, type_name]
            .into_iter()
            .find(|word| used.contains(word.as_str()))
        {
            anyhow::bail!(
                "the code of a service uses `{word}` for something else: choose another name"
            );
        }
        Ok(())
    }

    /// In sentences: `order items`.
    pub(super) fn plural_words(&self) -> String {
        self.plural.replace('_', " ")
    }

    /// In sentences: `order item`.
    pub(super) fn singular_words(&self) -> String {
        self.singular.replace('_', " ")
    }
}

/// The word with an upper-case first letter.
pub(super) fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// By English spelling. A word without the ending of a plural stays as it is.
fn singular(plural: &str) -> String {
    let of = |ending: &str, replacement: &str| {
        let stem = plural.strip_suffix(ending)?;
        (stem.len() > 1).then(|| format!("{stem}{replacement}"))
    };
    let keeps_s = ["ss", "us", "is"]
        .iter()
        .any(|ending| plural.ends_with(ending));
    let with_e = [
        ("ies", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
    ];
    let singular = with_e
        .iter()
        .find_map(|(ending, replacement)| of(ending, replacement));
    let singular = singular.or_else(|| if keeps_s { None } else { of("s", "") });
    singular.unwrap_or_else(|| plural.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_form_for_each_use() {
        let names = Names::parse("order-items").unwrap();
        let expected = Names {
            service: "order-items".to_owned(),
            plural: "order_items".to_owned(),
            singular: "order_item".to_owned(),
            type_name: "OrderItem".to_owned(),
        };
        assert_eq!(names, expected);
        assert_eq!(names.singular_words(), "order item");
    }

    #[test]
    fn the_singular_follows_english_spelling() {
        for (plural, expected) in [
            ("notes", "note"),
            ("categories", "category"),
            ("boxes", "box"),
            ("addresses", "address"),
            ("status", "status"),
            ("billing", "billing"),
        ] {
            assert_eq!(singular(plural), expected);
        }
        assert_eq!(Names::of("matches").singular, "matches");
    }

    #[test]
    fn a_name_that_would_not_work_is_refused() {
        let too_long = "a".repeat(MAX_LENGTH + 1);
        for name in ["Foo!", "", "1a", "a_b", "-a", "a-", "a--b", &too_long, "ä"] {
            let error = Names::parse(name).unwrap_err().to_string();
            assert!(
                error.contains("cannot be a service's name"),
                "{name}: {error}"
            );
        }
        for name in [
            "app", "tokens", "std", "test", "order", "struct", "pages", "texts",
        ] {
            assert!(Names::parse(name).is_err(), "{name}");
        }
        assert!(Names::parse(&"a".repeat(MAX_LENGTH)).is_ok());
    }
}
