//! Spin, beside `host-adapter serve`.

use std::process::{Command, Stdio};

use super::composed::Adapter;
use crate::{
    checkout::Checkout,
    process::{Process, free_address},
    project::Project,
};

pub(super) async fn start(
    project: &Project,
    checkout: &Checkout,
    over_http: bool,
) -> anyhow::Result<(String, Vec<Process>)> {
    let application = free_address()?;
    let tokens = project.tokens()?;
    let adapter = Adapter::start(project, &application, &tokens, over_http).await?;
    let mut command = command(&application);
    command
        .args(["--runtime-config-file", "runtime-config.toml"])
        .current_dir(&checkout.root)
        .envs(adapter.variables())
        .envs(tokens);
    let mut spin = Process::start(command, project.log("spin"))?;
    spin.listens(&application).await?;
    Ok((format!("http://{application}"), vec![adapter.process, spin]))
}

/// `spin up` as docs/spin.md recommends it, which serves the manifest of its working directory.
pub(super) fn command(address: &str) -> Command {
    let mut command = Command::new("spin");
    command
        .args(["up", "--quiet", "--listen", address])
        .args(["--max-instance-reuse-count", "10000"])
        .env("RUST_BACKTRACE", "0")
        .env("SPIN_WASMTIME_LINEAR_MEMORY_KEEP_RESIDENT", "0")
        .stderr(Stdio::null());
    command
}
