//! What the tests `fuzz` of several modules generate: changes of a text, and JSON.

use proptest::{collection, prelude::*, sample::Index};
use serde_json::{Value, json};

/// A change of a text.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Truncate(Index),
    /// The text from one place on, in the place of what follows another.
    Splice(Index, Index),
}

impl Mutation {
    /// The changed text. `text` is ASCII and not empty.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut bytes: Vec<char> = text.chars().collect();
        match self {
            Self::Replace(place, with) => bytes[place.index(text.len())] = *with,
            Self::Insert(place, what) => bytes.insert(place.index(text.len() + 1), *what),
            Self::Remove(place) => drop(bytes.remove(place.index(text.len()))),
            Self::Truncate(place) => bytes.truncate(place.index(text.len())),
            Self::Splice(to, from) => {
                let tail = bytes[from.index(text.len())..].to_vec();
                bytes.truncate(to.index(text.len()));
                bytes.extend(tail);
            }
        }
        bytes.into_iter().collect()
    }
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    // Mostly what may stand there: other characters are refused at once.
    let character = || prop_oneof![4 => "[A-Za-z0-9_.-]", 1 => "[ -~]", 1 => "\\PC"];
    let character = move || character().prop_filter_map("empty", |text| text.chars().next());
    prop_oneof![
        4 => (any::<Index>(), character()).prop_map(|(place, with)| Mutation::Replace(place, with)),
        2 => (any::<Index>(), character()).prop_map(|(place, what)| Mutation::Insert(place, what)),
        1 => any::<Index>().prop_map(Mutation::Remove),
        1 => any::<Index>().prop_map(Mutation::Truncate),
        1 => any::<(Index, Index)>().prop_map(|(to, from)| Mutation::Splice(to, from)),
    ]
}

/// Any JSON, in whose objects `names` are frequent.
pub(crate) fn json(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!("2026-01-31T12:00:00.000Z")),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let name = prop_oneof![4 => proptest::sample::select(names).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            collection::vec((name, inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Any text: of any characters, or of those that JSON is made of.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof!["(?s).{0,200}", "[\\[\\]{}\",:$a-z0-9.\\\\ \n-]{0,200}"]
}
