//! What differs between two readings of the settings, and what takes it up.

use adapter_capabilities::vault::Policy;

use super::{Settings, layers::Effective};

/// Tables that grants and capabilities are made from. Another set of them can be made beside the one in use.
const GRANTS: [&str; 12] = [
    "components",
    "dispatch",
    "documents",
    "envelopes",
    "health",
    "keys",
    "migrations",
    "mongodb",
    "passwords",
    "peers",
    "postgres",
    "tokens",
];

/// Tables that a server is made from: its sockets, threads and limits. Another one can be started beside it.
const SERVER: [&str; 2] = ["listen", "host"];

/// Tables of what the process has once, and can change.
const PROCESS: [&str; 4] = ["control", "log", "management", "traces"];

/// Where databases are. `up` starts them, or connects to them, only once.
const DATABASES: &str = "databases";

/// How a report names the variable `PRODUCTION`, which is not in a table.
const PRODUCTION: &str = "production";

/// The settings that differ between two readings, by what takes them up.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Other grants.
    pub(crate) grants: Vec<String>,
    /// Another server.
    pub(crate) server: Vec<String>,
    /// What the process has once.
    pub(crate) process: Vec<String>,
}

impl Changes {
    /// All of them.
    pub(crate) fn names(&self) -> Vec<String> {
        let all = self.grants.iter().chain(&self.server).chain(&self.process);
        let mut names: Vec<String> = all.cloned().collect();
        names.sort();
        names
    }
}

impl Settings {
    /// The settings that differ from `previous` and that a reload of `up` takes up.
    pub(crate) fn changes(&self, previous: &Self) -> Changes {
        Changes {
            grants: self.changes_of(previous, &GRANTS),
            server: self.changes_of(previous, &SERVER),
            process: self.changes_of(previous, &PROCESS),
        }
    }

    /// The settings that differ from those of the `first` start and that need another one. The table `server` is
    /// not among them, because `up` does not use it.
    pub(crate) fn changes_at_start(&self, first: &Self) -> Vec<String> {
        let mut changed = self.changes_of(first, &[DATABASES]);
        if self.production != first.production {
            changed.push(PRODUCTION.to_owned());
        }
        changed
    }

    /// These settings, with what only a start can apply as it was at the `first` one.
    pub(crate) fn with_start_of(self, first: &Self) -> Self {
        let production = first.production;
        // Who may see the page depends on it.
        let access = if self.production == production {
            self.management_access
        } else {
            first.management_access.clone()
        };
        Self {
            production,
            key_policy: Policy {
                production,
                ..self.key_policy
            },
            management_access: access,
            databases: first.databases.clone(),
            ..self
        }
    }

    fn changes_of(&self, previous: &Self, tables: &[&str]) -> Vec<String> {
        let all = self.effective.iter().chain(&previous.effective);
        let mut changed: Vec<String> = all
            .filter(|setting| tables.contains(&table(setting)))
            .filter(|setting| self.value(setting) != previous.value(setting))
            .map(|setting| format!("{}.{}", setting.section, setting.key))
            .collect();
        changed.sort();
        changed.dedup();
        changed
    }

    fn value(&self, setting: &Effective) -> Option<&toml::Value> {
        let mut all = self.effective.iter();
        let same = all.find(|one| one.section == setting.section && one.key == setting.key);
        same.map(|setting| &setting.value)
    }
}

fn table(setting: &Effective) -> &str {
    setting.section.split('.').next().unwrap_or_default()
}
