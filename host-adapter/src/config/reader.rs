//! Finds each setting in the environment, the file or the defaults, and notes what is wrong.
//!
//! A mistake does not end the reading: the default stands in, the problem is noted, and all
//! problems are reported together, so that nobody mends a file one start at a time.

use std::fmt::Display;

use super::environment::Environment;
use super::errors::{ConfigError, Problem};
use super::nearest::{nearest, suggestion};
use super::section::Section;

/// What every variable begins with that overrides a setting of the file.
const PREFIX: &str = "SPINDLE_";

/// A setting as it is in force, for `config check`.
#[derive(Clone, Debug)]
pub(super) struct Effective {
    /// The table, such as `postgres` or `peers.analytics`.
    pub(super) section: String,
    /// The key in it.
    pub(super) key: String,
    /// The value as the file would have it.
    pub(super) value: String,
    /// The file, a variable with where it is set, or `default`.
    pub(super) source: String,
}

/// The file and the environment, while they are being read.
pub(super) struct Reader<'a> {
    /// The file's name in messages.
    pub(super) file: String,
    table: toml::Table,
    /// All variables, for what has no key in the file too.
    pub(super) environment: &'a Environment,
    sections: Vec<&'static str>,
    /// The variables that override a setting, so that others are known to be mistakes.
    pub(super) variables: Vec<String>,
    problems: Vec<Problem>,
    /// The settings read so far.
    pub(super) effective: Vec<Effective>,
}

impl<'a> Reader<'a> {
    /// `file` is its name in messages, `table` what it holds.
    pub(super) fn new(file: &str, table: toml::Table, environment: &'a Environment) -> Self {
        Self {
            file: file.to_owned(),
            table,
            environment,
            sections: Vec::new(),
            variables: Vec::new(),
            problems: Vec::new(),
            effective: Vec::new(),
        }
    }

    /// Note a problem with something at `place`.
    pub(super) fn refuse(&mut self, place: impl Display, text: String) {
        let problem = Problem {
            place: place.to_string(),
            text,
        };
        // A table can be asked for twice: as one of its parent's, and by its name.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Note a problem with a setting that was read, at the place that it came from.
    pub(super) fn refuse_setting(&mut self, path: &str, text: &str) {
        let effective = self.effective.iter();
        let source = effective
            .filter(|setting| format!("{}.{}", setting.section, setting.key) == path)
            .map(|setting| setting.source.clone())
            .find(|source| source != "default");
        let place = source.unwrap_or_else(|| self.file.clone());
        self.refuse(place, format!("`{path}` {text}"));
    }

    /// Whether anything was wrong so far.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Read the table `name`; what `read` does not ask for is unknown.
    pub(super) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        self.sections.push(name);
        self.subsection(&[name], read)
    }

    /// Read the tables in table `parent`, by name. Keys of `parent` that are no tables, and names
    /// that are none, are refused.
    pub(super) fn names(&mut self, parent: &'static str) -> Vec<String> {
        self.sections.push(parent);
        let entries: Vec<(String, bool)> = match self.table.get(parent) {
            None => Vec::new(),
            Some(toml::Value::Table(table)) => table
                .iter()
                .map(|(name, entry)| (name.clone(), entry.is_table()))
                .collect(),
            Some(_) => {
                self.refuse(self.file.clone(), format!("`{parent}` must be a table"));
                Vec::new()
            }
        };
        entries
            .into_iter()
            .filter_map(|entry| self.acceptable_name(parent, entry))
            .collect()
    }

    /// Read the table `parent.name`.
    pub(super) fn named_section<T>(
        &mut self,
        parent: &'static str,
        name: &str,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        self.subsection(&[parent, name], read)
    }

    /// The settings in force.
    ///
    /// # Errors
    /// Everything that was noted, and tables and variables that nothing asked for.
    pub(super) fn finish(mut self) -> Result<Vec<Effective>, ConfigError> {
        self.refuse_unknown_sections();
        self.refuse_unknown_variables();
        if self.problems.is_empty() {
            Ok(self.effective)
        } else {
            Err(ConfigError::Invalid(self.problems))
        }
    }

    fn acceptable_name(
        &mut self,
        parent: &str,
        (name, is_table): (String, bool),
    ) -> Option<String> {
        let problem = if !is_table {
            "must be a table"
        } else if !is_name(&name) {
            "is not a name: a letter, then up to 47 letters, digits and `-`, all lower case"
        } else {
            return Some(name);
        };
        self.refuse(self.file.clone(), format!("`{parent}.{name}` {problem}"));
        None
    }

    fn subsection<T>(&mut self, path: &[&str], read: impl FnOnce(&mut Section<'_, 'a>) -> T) -> T {
        let table = self.table_at(path);
        let mut section = Section::new(self, path.join("."), table);
        let settings = read(&mut section);
        section.refuse_unknown_keys();
        settings
    }

    fn table_at(&mut self, path: &[&str]) -> toml::Table {
        let mut found = Some(&self.table);
        for name in path {
            found = match found.and_then(|table| table.get(*name)) {
                None => None,
                Some(toml::Value::Table(table)) => Some(table),
                Some(_) => {
                    let text = format!("`{}` must be a table", path.join("."));
                    self.refuse(self.file.clone(), text);
                    return toml::Table::new();
                }
            };
        }
        found.cloned().unwrap_or_default()
    }

    fn refuse_unknown_sections(&mut self) {
        let unknown: Vec<String> = self
            .table
            .keys()
            .filter(|name| !self.sections.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in unknown {
            let suggestion = suggestion(&name, self.sections.iter().copied());
            let text = format!("`{name}` is not a table of settings{suggestion}");
            self.refuse(self.file.clone(), text);
        }
    }

    fn refuse_unknown_variables(&mut self) {
        let environment = self.environment;
        for (name, _) in environment.with_prefix(PREFIX) {
            if self.variables.iter().any(|known| known == name) {
                continue;
            }
            let known = self.variables.iter().map(String::as_str);
            let suggestion = nearest(name, known)
                .map(|candidate| format!("; did you mean `{candidate}`?"))
                .unwrap_or_default();
            if let Some(origin) = environment.origin(name) {
                self.refuse(origin, format!("`{name}` is not a setting{suggestion}"));
            }
        }
    }
}

/// The variable that overrides the setting at `path`: `peers.analytics.url` is
/// `SPINDLE_PEERS_ANALYTICS_URL`.
pub(super) fn variable_name(path: &str) -> String {
    format!(
        "{PREFIX}{}",
        path.replace(['.', '-'], "_").to_ascii_uppercase()
    )
}

/// Whether a component, service or peer can be called so. Names become parts of file names,
/// variables and PostgreSQL roles, so there is nothing in them that any of these would quote.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    name.len() <= 48
        && characters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|next| matches!(next, 'a'..='z' | '0'..='9' | '-'))
}
