//! The services as on Spin, without Spin: composed with adapter-client, on a host that grants nothing itself,
//! beside `host-adapter serve`.

use std::{fs, path::Path};

use toml::{Table, Value};

use crate::{
    checkout::{Checkout, listener},
    process::{Process, banner, free_address},
    project::Project,
};

/// The client that is composed into each service.
const CLIENT: &str = "adapter-client";

pub(super) async fn start(
    project: &Project,
    checkout: &Checkout,
    over_http: bool,
) -> anyhow::Result<(String, Vec<Process>)> {
    let application = free_address()?;
    let tokens = project.tokens()?;
    let adapter = Adapter::start(project, &application, &tokens, over_http).await?;
    let directory = project.directory.join("composed");
    compose(checkout, &directory)?;
    let mut command = project.command_in(&directory, "up");
    command
        .env(listener("app"), &application)
        .envs(adapter.variables())
        .envs(tokens);
    let mut up = Process::start(command, project.log("composed"))?;
    let url = up.output(|text| banner(text, "all routes", "Try:")).await?;
    Ok((url, vec![adapter.process, up]))
}

/// `host-adapter serve`.
pub(super) struct Adapter {
    pub(super) process: Process,
    url: String,
}

impl Adapter {
    /// Starts the adapter of the components that are at the address `application`. They call it as its banner
    /// says, by frames, or else by HTTP.
    pub(super) async fn start(
        project: &Project,
        application: &str,
        tokens: &[(String, String)],
        over_http: bool,
    ) -> anyhow::Result<Self> {
        let mut command = project.command("serve");
        command
            .env(
                "SPINDLE_SERVER_APPLICATION",
                format!("http://{application}"),
            )
            .envs(tokens.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start(command, project.log("serve"))?;
        let end = "Start the components";
        let mut url = process.output(|text| address(text, end)).await?;
        if over_http {
            url = by_http(&url);
        }
        Ok(Self { process, url })
    }

    /// What components on Spin are configured with.
    pub(super) fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("SPIN_VARIABLE_ADAPTER_URL", &self.url),
            ("SPIN_VARIABLE_PRODUCTION", "false"),
            ("SPIN_VARIABLE_LOG_LEVEL", "WARNING"),
        ]
    }
}

/// The same listener takes both.
fn by_http(url: &str) -> String {
    url.replacen("tcp://", "http://", 1)
}

/// The value of the line `adapter`, and not of the title, which has the word in it.
fn address(text: &str, end: &str) -> Option<String> {
    let lines = text.lines().filter(|line| line.starts_with(' '));
    let lines: Vec<&str> = lines.collect();
    text.contains(end)
        .then(|| banner(&lines.join("\n"), "adapter ", ""))
        .flatten()
}

/// Writes a project of composed components.
fn compose(checkout: &Checkout, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let client = fs::read(checkout.component(CLIENT))?;
    for service in checkout.services() {
        let source = fs::read(checkout.component(&service))?;
        let composed = composer::compose(source, client.clone())?;
        fs::write(directory.join(format!("{service}.wasm")), composed)?;
    }
    let grants = checkout.services().into_iter();
    let grants: Table = grants
        .map(|service| (service, Table::new().into()))
        .collect();
    let settings = Table::from_iter([("components".to_owned(), Value::from(grants))]);
    fs::write(directory.join("adapter.toml"), settings.to_string())?;
    fs::write(
        directory.join("spin.toml"),
        manifest(checkout.manifest()).to_string(),
    )?;
    Ok(())
}

/// The manifest with composed components, which no longer have dependencies.
fn manifest(original: &Table) -> Table {
    let mut manifest = original.clone();
    let components = manifest.get_mut("component").and_then(Value::as_table_mut);
    for (name, component) in components.into_iter().flatten() {
        if let Some(component) = component.as_table_mut() {
            component.remove("dependencies");
            component.insert("source".to_owned(), format!("{name}.wasm").into());
        }
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_manifest_has_no_dependencies() {
        let text = "[component.user]\nsource = 'target/user.wasm'\ndescription = 'Accounts'\n\
            [component.user.dependencies]\n'spindle:adapter' = { path = 'client.wasm' }";
        let manifest = manifest(&text.parse().unwrap());
        let expected = "[component.user]\nsource = 'user.wasm'\ndescription = 'Accounts'";
        assert_eq!(manifest, expected.parse::<Table>().unwrap());
    }

    #[test]
    fn the_adapters_address_is_read() {
        let text = "Spindle's adapter is up\n\n  adapter      tcp://127.0.0.1:4000\n  peers  x\n\n\
            Start the components in another terminal\n";
        let found = address(text, "Start the components");
        assert_eq!(found.as_deref(), Some("tcp://127.0.0.1:4000"));
        assert_eq!(by_http(&found.unwrap()), "http://127.0.0.1:4000");
        assert_eq!(address("  adapter  tcp://127.0.0.1:4000\n", "Start"), None);
    }
}
