//! A checkout of Spindle, this one or an older one: its components, and which settings it understands.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::Table;

const MANIFEST: &str = "spin.toml";

pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    /// Where `host-adapter` is.
    pub(crate) programs: PathBuf,
    settings: Table,
    manifest: Table,
}

impl Checkout {
    pub(crate) fn new(root: PathBuf, programs: PathBuf) -> anyhow::Result<Self> {
        let settings = read(&root.join("adapter.toml"))?;
        let manifest = read(&root.join(MANIFEST))?;
        let checkout = Self {
            root,
            programs,
            settings,
            manifest,
        };
        let program = checkout.host_adapter();
        anyhow::ensure!(
            program.exists(),
            "`{}` is missing: `./dev bench` builds it",
            program.display()
        );
        Ok(checkout)
    }

    pub(crate) fn host_adapter(&self) -> PathBuf {
        self.programs.join("host-adapter")
    }

    /// A compiled component, by the name of its package.
    pub(crate) fn component(&self, package: &str) -> PathBuf {
        let file = format!("{}.wasm", package.replace('-', "_"));
        self.root.join("target/wasm32-wasip2/release").join(file)
    }

    /// The components of the application.
    pub(crate) fn services(&self) -> Vec<String> {
        components(&self.manifest)
    }

    pub(crate) fn manifest(&self) -> &Table {
        &self.manifest
    }

    /// The variables with which a program of this checkout serves on free ports, and without limits that a
    /// measurement would reach. An older program is not given what it does not know.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![("LOG_LEVEL".to_owned(), "WARNING".to_owned())];
        let listeners = self.settings.get("listen").and_then(|it| it.as_table());
        for name in listeners.into_iter().flat_map(Table::keys) {
            variables.push((listener(name), "127.0.0.1:0".to_owned()));
        }
        for (section, key, value) in [
            ("management", "address", "127.0.0.1:0"),
            ("server", "address", "127.0.0.1:0"),
            ("passwords", "attempts_per_minute", "1000000"),
            // No load balancer must notice that it stops.
            ("host", "drain_delay", "0s"),
        ] {
            if self.knows(section, key) {
                let name = format!("SPINDLE_{section}_{key}").to_uppercase();
                variables.push((name, value.to_owned()));
            }
        }
        variables
    }

    /// Whether adapter.toml, which shows every key, has this one.
    pub(crate) fn knows(&self, section: &str, key: &str) -> bool {
        let section = self.settings.get(section).and_then(|it| it.as_table());
        section.is_some_and(|section| section.contains_key(key))
    }
}

/// The components of the application in a directory that may not be built yet.
pub(crate) fn services(root: &Path) -> anyhow::Result<Vec<String>> {
    Ok(components(&read(&root.join(MANIFEST))?))
}

fn components(manifest: &Table) -> Vec<String> {
    let components = manifest.get("component").and_then(|it| it.as_table());
    components.map_or_else(Vec::new, |table| table.keys().cloned().collect())
}

/// The variable with a listener's address.
pub(crate) fn listener(name: &str) -> String {
    format!("SPINDLE_LISTEN_{}", name.replace('-', "_").to_uppercase())
}

fn read(path: &Path) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading `{}`", path.display()))?;
    text.parse()
        .with_context(|| format!("`{}` is not TOML", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(settings: &str) -> Checkout {
        Checkout {
            root: PathBuf::new(),
            programs: PathBuf::new(),
            settings: settings.parse().unwrap(),
            manifest: "[component.user]\n[component.note-book]".parse().unwrap(),
        }
    }

    #[test]
    fn an_older_program_gets_only_known_variables() {
        let older = checkout("[listen]\napp = ''\nnote-book = ''\n[passwords]\nqueue = 64");
        let names: Vec<String> = older.environment().into_iter().map(|it| it.0).collect();
        let expected = [
            "LOG_LEVEL",
            "SPINDLE_LISTEN_APP",
            "SPINDLE_LISTEN_NOTE_BOOK",
        ];
        assert_eq!(names, expected);
        let newer = checkout("[passwords]\nattempts_per_minute = 60");
        let expected = ("SPINDLE_PASSWORDS_ATTEMPTS_PER_MINUTE", "1000000");
        let expected = (expected.0.to_owned(), expected.1.to_owned());
        assert!(newer.environment().contains(&expected));
    }

    #[test]
    fn services_are_the_components_of_the_manifest() {
        assert_eq!(checkout("").services(), ["note-book", "user"]);
    }
}
