//! Finds each setting in a variable, the file or the defaults, and notes what is wrong.
//!
//! serde and toml read the values, into structs that their owners define. Each key is read on its own
//! over the defaults: a mistake does not end the reading, and all are reported together. Layering
//! crates such as figment stop at the first, and cannot tell at which `_` of
//! `SPINDLE_POSTGRES_MAX_ROWS` the key begins.

mod keys;
mod unknown;
mod variables;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use serde::{Serialize, de::DeserializeOwned};
use toml::{Table, Value};

use super::environment::Environment;
use super::errors::{ConfigError, Problem};
use keys::keys;
pub(super) use variables::parse_boolean;
use variables::{parse, variables};

/// The source of a value that is not set anywhere.
const DEFAULT: &str = "default";

/// How much of a wrong value an error repeats, in characters.
const REPEATED_CHARACTERS: usize = 60;

/// A struct of settings.
pub(super) trait Section: Default + Serialize + DeserializeOwned {}

impl<T: Default + Serialize + DeserializeOwned> Section for T {}

/// A setting as it is in force.
#[derive(Clone, Debug)]
pub(super) struct Effective {
    /// The table, such as `postgres` or `peers.analytics`.
    pub(super) section: String,
    /// The key in it.
    pub(super) key: String,
    /// The value as the file would have it.
    pub(super) value: Value,
    /// The file, a variable with where it is set, or `default`.
    pub(super) source: String,
}

/// The file and the environment, while they are being read.
pub(super) struct Layers<'a> {
    /// The file's name in messages.
    file: String,
    table: Table,
    /// All variables, also for what has no key in the file.
    pub(super) environment: &'a Environment,
    /// The keys that were looked for, by table.
    pub(super) known: BTreeMap<String, BTreeSet<String>>,
    /// Tables whose keys are names, which are checked when they are read.
    parents: BTreeSet<String>,
    problems: Vec<Problem>,
    effective: Vec<Effective>,
}

/// A value that is set, and where.
struct Given {
    value: Value,
    /// As it was written.
    text: String,
    /// The key or variable.
    name: String,
    place: String,
    source: String,
}

impl<'a> Layers<'a> {
    /// `file` is the file's name in messages, and `table` is its content.
    pub(super) fn new(file: &str, table: Table, environment: &'a Environment) -> Self {
        Self {
            file: file.to_owned(),
            table,
            environment,
            known: BTreeMap::new(),
            parents: BTreeSet::new(),
            problems: Vec::new(),
            effective: Vec::new(),
        }
    }

    /// Reads the keys that `T` has in the table at `path`. Several structs may share a table.
    pub(super) fn section<T: Section>(&mut self, path: &str) -> T {
        let defaults = to_table(&T::default());
        let mut sources = BTreeMap::new();
        let mut accepted = Table::new();
        for key in keys::<T>() {
            let accepts = |value: Value| read::<T>(Table::from_iter([((*key).to_owned(), value)]));
            if let Some(given) = self.find(path, key, defaults.get(*key), accepts) {
                sources.insert(*key, given.source);
                accepted.insert((*key).to_owned(), given.value);
            }
        }
        let settings = read::<T>(accepted).unwrap_or_default();
        let values = to_table(&settings);
        for key in keys::<T>() {
            if let Some(value) = values.get(*key) {
                let source = sources.remove(*key).unwrap_or_else(|| DEFAULT.to_owned());
                self.note(path, key, value.clone(), source);
            }
        }
        settings
    }

    /// Reads one key, of a table whose keys no struct has, and which has no default.
    pub(super) fn optional<T>(
        &mut self,
        path: &str,
        key: &str,
        read: impl Fn(Value) -> Result<T, toml::de::Error>,
    ) -> Option<T> {
        let given = self.find(path, key, None, &read)?;
        self.note(path, key, given.value.clone(), given.source);
        read(given.value).ok()
    }

    /// Reads the names of the tables in table `parent`. Keys of `parent` that are not tables, and
    /// names that cannot be one, are rejected.
    pub(super) fn names(&mut self, parent: &str) -> Vec<String> {
        self.parents.insert(parent.to_owned());
        let entries = self.table_at(parent).into_iter();
        let accepted =
            entries.filter_map(|(name, entry)| self.acceptable_name(parent, name, &entry));
        accepted.collect()
    }

    /// Notes a problem with something at `place`.
    pub(super) fn reject(&mut self, place: impl Display, text: String) {
        let place = place.to_string();
        let problem = Problem { place, text };
        // A table can be asked for twice: as one of its parent's, and by its name.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Notes a problem with a setting that was read, at the place that it came from.
    pub(super) fn reject_setting(&mut self, path: &str, text: &str) {
        let source = self.effective(path).map(|setting| setting.source.clone());
        let place = source.filter(|source| source != DEFAULT);
        let place = place.unwrap_or_else(|| self.file.clone());
        self.reject(place, format!("`{path}` {text}"));
    }

    /// Notes a setting that is in force.
    pub(super) fn note(&mut self, section: &str, key: &str, value: Value, source: String) {
        self.effective.push(Effective {
            section: section.to_owned(),
            key: key.to_owned(),
            value,
            source,
        });
    }

    /// The text of the setting at `path`, which is a duration, a size or an integer.
    pub(super) fn text(&self, path: &str) -> String {
        match self.effective(path).map(|setting| &setting.value) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// Whether anything was wrong so far.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The settings in force.
    ///
    /// # Errors
    /// Everything that was noted.
    pub(super) fn finish(self) -> Result<Vec<Effective>, ConfigError> {
        if self.problems.is_empty() {
            Ok(self.effective)
        } else {
            Err(ConfigError::Invalid(self.problems))
        }
    }

    fn effective(&self, path: &str) -> Option<&Effective> {
        let (section, key) = path.rsplit_once('.')?;
        let mut settings = self.effective.iter();
        settings.find(|setting| setting.section == section && setting.key == key)
    }

    /// The value of a key, if it is set and accepted. `kind` is a value of the same kind.
    fn find<T>(
        &mut self,
        path: &str,
        key: &str,
        kind: Option<&Value>,
        accepts: impl Fn(Value) -> Result<T, toml::de::Error>,
    ) -> Option<Given> {
        let given = self.given(path, key, kind)?;
        let Err(error) = accepts(given.value.clone()) else {
            return Some(given);
        };
        // serde's messages end with "expected …". The part before it repeats the whole value.
        let message = error.message();
        let expected = message
            .rsplit_once("expected ")
            .map_or(message, |(_, end)| end);
        // A URL can hold a password.
        let got = if key == "url" {
            "something else".to_owned()
        } else {
            shorten(&given.text)
        };
        self.reject(
            given.place,
            format!("`{}` must be {expected}, got {got}", given.name),
        );
        None
    }

    /// The variable if it is set, else the key of the file.
    fn given(&mut self, path: &str, key: &str, kind: Option<&Value>) -> Option<Given> {
        let table = self.table_at(path);
        self.known
            .entry(path.to_owned())
            .or_default()
            .insert(key.to_owned());
        let name = format!("{path}.{key}");
        for variable in variables(&name) {
            if let Some((text, origin)) = self.environment.find(&variable) {
                return Some(Given {
                    value: parse(text, kind),
                    text: format!("`{text}`"),
                    place: origin.to_string(),
                    source: format!("{variable} ({origin})"),
                    name: variable,
                });
            }
        }
        let value = table.get(key)?.clone();
        Some(Given {
            text: format!("`{value}`"),
            value,
            name,
            place: self.file.clone(),
            source: self.file.clone(),
        })
    }

    /// The table at `path`; an empty one if there is none, or something else.
    fn table_at(&mut self, path: &str) -> Table {
        self.known.entry(path.to_owned()).or_default();
        let mut table = &self.table;
        let mut walked = String::new();
        for name in path.split('.') {
            walked = if walked.is_empty() {
                name.to_owned()
            } else {
                format!("{walked}.{name}")
            };
            match table.get(name) {
                None => return Table::new(),
                Some(Value::Table(inner)) => table = inner,
                Some(_) => {
                    self.reject(self.file.clone(), format!("`{walked}` must be a table"));
                    return Table::new();
                }
            }
        }
        table.clone()
    }

    fn acceptable_name(&mut self, parent: &str, name: String, entry: &Value) -> Option<String> {
        let problem = if !entry.is_table() {
            "must be a table"
        } else if !is_name(&name) {
            "is not a name: a letter, then up to 47 letters, digits and `-`, all lower case"
        } else {
            return Some(name);
        };
        self.reject(self.file.clone(), format!("`{parent}.{name}` {problem}"));
        None
    }
}

fn read<T: DeserializeOwned>(table: Table) -> Result<T, toml::de::Error> {
    table.try_into()
}

/// The values of settings, without those that have none.
fn to_table(settings: &impl Serialize) -> Table {
    Table::try_from(settings).unwrap_or_default()
}

/// Whether a component, service or peer can be called so. Names become parts of file names,
/// variables and PostgreSQL roles, so they hold nothing that any of these would quote.
pub(crate) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next();
    name.len() <= 48
        && first.is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|next| matches!(next, 'a'..='z' | '0'..='9' | '-'))
}

fn shorten(text: &str) -> String {
    let one_line = text.replace(['\n', '\r'], " ");
    if one_line.chars().count() <= REPEATED_CHARACTERS {
        return one_line;
    }
    let start: String = one_line.chars().take(REPEATED_CHARACTERS).collect();
    format!("{start}…")
}
