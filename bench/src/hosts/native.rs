//! The native twin, a program of this package.

use std::process::Command;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::Host;
use crate::{lab::Lab, process::Process};

pub(super) async fn start(lab: &Lab, original: &Host) -> anyhow::Result<(String, Vec<Process>)> {
    let project = original.project.as_ref();
    let project = project.context("the twin has no original")?;
    let mut command = Command::new(lab.program("native")?);
    command
        .env("USER_ID", original.user_id())
        .env("DATABASE_URL", project.database.expose_secret());
    let mut native = Process::start(command, project.log("native"))?;
    let url = native.output(|text| text.split_once('\n').map(|(line, _)| line.to_owned()));
    Ok((url.await?, vec![native]))
}
