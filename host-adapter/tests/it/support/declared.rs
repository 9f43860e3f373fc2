//! What a project's settings declare: its components and listeners. Tests take them from there, so that a
//! new service needs no change in them.

use std::path::Path;

use toml::{Table, Value};

/// The names of the components in a project's settings, in alphabetical order.
pub(crate) fn components(project: &Path) -> Vec<String> {
    let components = section(project, "components");
    components.keys().cloned().collect()
}

/// The listeners in a project's settings, each with its port.
pub(crate) fn listeners(project: &Path) -> Vec<(String, String)> {
    let port = |address: &Value| {
        let address = address.as_str().expect("an address");
        address.rsplit(':').next().expect("a port").to_owned()
    };
    let listeners = section(project, "listen");
    let listeners = listeners.iter();
    listeners
        .map(|(name, address)| (name.clone(), port(address)))
        .collect()
}

/// The variable that overrides the address of a listener.
pub(crate) fn variable(listener: &str) -> String {
    let name = listener.replace('-', "_").to_ascii_uppercase();
    format!("SPINDLE_LISTEN_{name}")
}

fn section(project: &Path, name: &str) -> Table {
    let text = std::fs::read_to_string(project.join("adapter.toml")).expect("a file");
    let mut settings: Table = text.parse().expect("TOML");
    match settings.remove(name) {
        Some(Value::Table(section)) => section,
        _ => Table::new(),
    }
}
