//! Rejects tables, keys and variables that are not settings, and suggests the nearest known name.

use std::collections::BTreeSet;

use super::super::nearest::{nearest, suggestion};
use super::{
    Layers,
    variables::{PREFIX, variable_name},
};

impl Layers<'_> {
    /// Rejects the tables, keys and variables that nothing asked for.
    pub(in crate::config) fn reject_unknown(&mut self) {
        self.reject_unknown_tables();
        self.reject_unknown_keys();
        self.reject_unknown_variables();
    }

    fn reject_unknown_tables(&mut self) {
        let roots = self.known.keys().filter_map(|path| path.split('.').next());
        let known: BTreeSet<String> = roots.map(str::to_owned).collect();
        let unknown: Vec<String> = self
            .table
            .keys()
            .filter(|name| !known.contains(*name))
            .cloned()
            .collect();
        for name in unknown {
            let suggestion = suggestion(&name, known.iter().map(String::as_str));
            let text = format!("`{name}` is not a table of settings{suggestion}");
            self.reject(self.file.clone(), text);
        }
    }

    fn reject_unknown_keys(&mut self) {
        let mut tables = self.known.clone();
        tables.retain(|path, _| !self.parents.contains(path));
        for (path, known) in tables {
            let table = self.table_at(&path);
            let is_table = |key: &String| self.known.contains_key(&format!("{path}.{key}"));
            let unknown = table
                .keys()
                .filter(|key| !known.contains(*key) && !is_table(key));
            for key in unknown.cloned().collect::<Vec<_>>() {
                let key = &key;
                let suggestion = suggestion(key, known.iter().map(String::as_str));
                let text = format!("`{path}.{key}` is not a setting{suggestion}");
                self.reject(self.file.clone(), text);
            }
        }
    }

    fn reject_unknown_variables(&mut self) {
        let settings = self.known.iter();
        let known: Vec<String> = settings
            .flat_map(|(path, keys)| {
                keys.iter()
                    .map(move |key| variable_name(&format!("{path}.{key}")))
            })
            .collect();
        let environment = self.environment;
        for (name, origin) in environment.with_prefix(PREFIX) {
            if known.iter().any(|known| known == name) {
                continue;
            }
            let suggestion = nearest(name, known.iter().map(String::as_str))
                .map(|candidate| format!("; did you mean `{candidate}`?"))
                .unwrap_or_default();
            self.reject(origin, format!("`{name}` is not a setting{suggestion}"));
        }
    }
}
