//! What differs between two readings of the settings, and what of it can be taken up without a restart.

use super::{Settings, layers::Effective};

/// Tables that grants and capabilities are made from. Another set of them can be made beside the one in
/// use. All other settings belong to what only a start makes: listeners, threads, keys, the log.
const IN_FORCE: [&str; 11] = [
    "components",
    "dispatch",
    "documents",
    "envelopes",
    "health",
    "migrations",
    "mongodb",
    "passwords",
    "peers",
    "postgres",
    "tokens",
];

impl Settings {
    /// The settings that differ from `previous` and that a reload takes up.
    pub(crate) fn changes_in_force(&self, previous: &Self) -> Vec<String> {
        self.changes(previous, true)
    }

    /// The settings that differ from those of the `first` start and that need another one.
    pub(crate) fn changes_at_start(&self, first: &Self) -> Vec<String> {
        self.changes(first, false)
    }

    /// These settings, with what only a start can apply as it was at the `first` one.
    pub(crate) fn with_start_of(self, first: &Self) -> Self {
        let first = first.clone();
        Self {
            production: first.production,
            listen: first.listen,
            host: first.host,
            listening: first.listening,
            keys: first.keys,
            key_policy: first.key_policy,
            log: first.log,
            traces: first.traces,
            management: first.management,
            management_access: first.management_access,
            control: first.control,
            server: first.server,
            databases: first.databases,
            ..self
        }
    }

    fn changes(&self, previous: &Self, in_force: bool) -> Vec<String> {
        let all = self.effective.iter().chain(&previous.effective);
        let mut changed: Vec<String> = all
            .filter(|setting| takes_up(setting) == in_force)
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

fn takes_up(setting: &Effective) -> bool {
    let table = setting.section.split('.').next().unwrap_or_default();
    IN_FORCE.contains(&table)
}
