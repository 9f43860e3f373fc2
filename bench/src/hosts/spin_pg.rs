//! Spin's own `pg`: the component of `bench/spin-pg`.

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::{Host, spin};
use crate::{
    lab::Lab,
    process::{Process, free_address},
};

pub(super) async fn start(lab: &Lab, original: &Host) -> anyhow::Result<(String, Vec<Process>)> {
    let project = original.project.as_ref();
    let project = project.context("the component has no original")?;
    let address = free_address()?;
    let database = lab.server.over_tcp(&project.database)?;
    let mut command = spin::command(&address);
    command
        .current_dir(lab.checkout.root.join("bench/spin-pg"))
        .env("SPIN_VARIABLE_USER_ID", original.user_id())
        .env("SPIN_VARIABLE_DATABASE_URL", database.expose_secret());
    let mut spin = Process::start(command, project.log("spin-pg"))?;
    spin.listens(&address).await?;
    Ok((format!("http://{address}"), vec![spin]))
}
