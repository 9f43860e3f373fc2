//! One table of settings: each key with its kind, its limits and its default.

use std::ops::RangeInclusive;

use super::nearest::suggestion;
use super::reader::{Effective, Reader, variable_name};
use super::value::Value;

/// How much of a wrong value an error repeats, in characters.
const REPEATED_CHARACTERS: usize = 60;

/// One table of the file, while it is being read.
pub(super) struct Section<'r, 'a> {
    reader: &'r mut Reader<'a>,
    path: String,
    table: toml::Table,
    known: Vec<String>,
}

impl<'r, 'a> Section<'r, 'a> {
    /// The table at `path`, which holds `table`.
    pub(super) fn new(reader: &'r mut Reader<'a>, path: String, table: toml::Table) -> Self {
        Self {
            reader,
            path,
            table,
            known: Vec::new(),
        }
    }

    /// A setting without a default.
    pub(super) fn optional<T: Value>(&mut self, key: &str) -> Option<T> {
        let (value, source) = self.find(key, None, T::KIND, |_| true)?;
        self.note(key, &value, source);
        Some(value)
    }

    /// A setting of which every value of its kind is acceptable.
    pub(super) fn value<T: Value>(&mut self, key: &str, default: T) -> T {
        self.accepted(key, default, T::KIND, |_| true)
    }

    /// A setting between two limits, both included.
    pub(super) fn within<T: Value + PartialOrd>(
        &mut self,
        key: &str,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        let (lowest, highest) = (range.start().show(), range.end().show());
        let expected = format!("{} from {lowest} to {highest}", T::KIND);
        self.accepted(key, default, &expected, |value| range.contains(value))
    }

    /// A setting that must also please `accepts`, which `expected` says in words.
    pub(super) fn accepted<T: Value>(
        &mut self,
        key: &str,
        default: T,
        expected: &str,
        accepts: impl Fn(&T) -> bool,
    ) -> T {
        let found = self.find(key, None, expected, accepts);
        self.settle(key, found, default)
    }

    /// A setting that has a second variable, of an older name.
    pub(super) fn aliased<T: Value>(&mut self, key: &str, variable: &str, default: T) -> T {
        let found = self.find(key, Some(variable), T::KIND, |_| true);
        self.settle(key, found, default)
    }

    fn settle<T: Value>(&mut self, key: &str, found: Option<(T, String)>, default: T) -> T {
        let (value, source) = found.unwrap_or_else(|| (default, "default".to_owned()));
        self.note(key, &value, source);
        value
    }

    fn find<T: Value>(
        &mut self,
        key: &str,
        alias: Option<&str>,
        expected: &str,
        accepts: impl Fn(&T) -> bool,
    ) -> Option<(T, String)> {
        let given = self.given::<T>(key, alias)?;
        match given.value.filter(accepts) {
            Some(value) => Some((value, given.source)),
            None => {
                let got = shorten(if T::REPEATABLE {
                    &given.text
                } else {
                    "something else"
                });
                let text = format!("`{}` must be {expected}, got {got}", given.name);
                self.reader.refuse(given.place, text);
                None
            }
        }
    }

    /// The variable if it is set, else the key of the file.
    fn given<T: Value>(&mut self, key: &str, alias: Option<&str>) -> Option<Given<T>> {
        self.known.push(key.to_owned());
        let path = format!("{}.{key}", self.path);
        let own = variable_name(&path);
        self.reader.variables.push(own.clone());
        let environment = self.reader.environment;
        for name in [Some(own.as_str()), alias].into_iter().flatten() {
            if let (Some(text), Some(origin)) = (environment.get(name), environment.origin(name)) {
                return Some(Given {
                    value: T::from_text(text),
                    text: format!("`{text}`"),
                    name: name.to_owned(),
                    place: origin.to_string(),
                    source: format!("{name} ({origin})"),
                });
            }
        }
        let value = self.table.get(key)?;
        Some(Given {
            value: T::from_toml(value),
            text: format!("`{value}`"),
            name: path,
            place: self.reader.file.clone(),
            source: self.reader.file.clone(),
        })
    }

    fn note<T: Value>(&mut self, key: &str, value: &T, source: String) {
        self.reader.effective.push(Effective {
            section: self.path.clone(),
            key: key.to_owned(),
            value: value.to_toml(),
            source,
        });
    }

    /// Note every key of the file that nothing asked for.
    pub(super) fn refuse_unknown_keys(self) {
        for key in self.table.keys().filter(|key| !self.known.contains(key)) {
            let suggestion = suggestion(key, self.known.iter().map(String::as_str));
            let text = format!("`{}.{key}` is not a setting{suggestion}", self.path);
            self.reader.refuse(self.reader.file.clone(), text);
        }
    }
}

/// What somebody set, and where.
struct Given<T> {
    value: Option<T>,
    text: String,
    name: String,
    place: String,
    source: String,
}

fn shorten(text: &str) -> String {
    let one_line = text.replace(['\n', '\r'], " ");
    if one_line.chars().count() <= REPEATED_CHARACTERS {
        return one_line;
    }
    let start: String = one_line.chars().take(REPEATED_CHARACTERS).collect();
    format!("{start}…")
}
