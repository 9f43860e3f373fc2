//! The embedded host.

use crate::{
    process::{Process, banner},
    project::Project,
};

pub(super) async fn start(project: &Project) -> anyhow::Result<(String, Vec<Process>)> {
    let mut up = Process::start(project.command("up"), project.log("up"))?;
    let url = up.output(|text| banner(text, "all routes", "Try:")).await?;
    Ok((url, vec![up]))
}
