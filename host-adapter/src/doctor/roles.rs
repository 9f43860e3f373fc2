//! The roles that the settings name for single components: whether they can connect.

use secrecy::SecretString;
use sqlx::ConnectOptions as _;

use super::database::limited;
use crate::{checks::Finding, config::Settings, database};

const CHECK: &str = "roles";

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (component, url) in &settings.databases.components {
        let variable = database::url_variable(component);
        findings.push(match limited(connect(url)).await {
            Ok(()) => Finding::fine(CHECK, format!("the role in `{variable}` can connect")),
            Err(error) => Finding::error(
                CHECK,
                format!("the role in `{variable}` cannot connect: {error:#}"),
                format!("correct `{variable}`, or the role's password and right to log in"),
            ),
        });
    }
    findings
}

async fn connect(url: &SecretString) -> anyhow::Result<()> {
    database::options(url)?.connect().await?;
    Ok(())
}
