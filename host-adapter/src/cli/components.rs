//! `host-adapter components` and `host-adapter reload`.

use clap::Args;

use super::{Invocation, print};
use crate::control::{self, Reloaded, Reply, Request, Served};
use adapter_component_host::{Change, Outcome};

/// The digits of a digest in a table. They tell builds apart; `--json` has all.
const SHORT_DIGEST: usize = 12;

/// Lists what is served.
#[derive(Debug, Args)]
pub(super) struct Components {
    /// Print JSON, with whole digests.
    #[arg(long)]
    json: bool,
}

/// Takes up changes without a restart.
#[derive(Debug, Args)]
pub(super) struct Reload {
    /// Only this component. Without it: settings, migrations, manifests and all components.
    component: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn components(
    options: &Components,
    invocation: &Invocation,
) -> anyhow::Result<()> {
    let reply = ask(invocation, &Request::Components {}).await?;
    let Reply::Components(components) = reply else {
        anyhow::bail!("the program answered something else");
    };
    if options.json {
        return print(&serde_json::to_string_pretty(&components)?);
    }
    print(&table(&components))
}

pub(super) async fn reload(options: &Reload, invocation: &Invocation) -> anyhow::Result<()> {
    let request = Request::Reload {
        component: options.component.clone(),
    };
    let Reply::Reloaded(reloaded) = ask(invocation, &request).await? else {
        anyhow::bail!("the program answered something else");
    };
    if options.json {
        print(&serde_json::to_string_pretty(&reloaded)?)?;
    } else {
        print(&describe(&reloaded))?;
    }
    anyhow::ensure!(
        !reloaded.report.has_rejections(),
        "what was rejected does not serve; the old one does"
    );
    Ok(())
}

async fn ask(invocation: &Invocation, request: &Request) -> anyhow::Result<Reply> {
    control::ask(&invocation.settings.control.socket, request).await
}

fn table(components: &[Served]) -> String {
    let mut rows = vec![
        [
            "LISTENER",
            "COMPONENT",
            "VERSION",
            "DIGEST",
            "SINCE",
            "FILE",
        ]
        .map(str::to_owned),
    ];
    rows.extend(components.iter().map(|served| {
        [
            served.listener.clone(),
            served.component.clone(),
            served
                .version
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
            shorten(&served.digest),
            served.since.clone(),
            served.path.display().to_string(),
        ]
    }));
    align(&rows)
}

/// One line for each row, with columns of equal width.
fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What a reload did, one line each.
pub(super) fn describe(reloaded: &Reloaded) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(
        reloaded
            .migrations
            .iter()
            .map(|one| format!("applied migration {one}")),
    );
    lines.extend(
        reloaded
            .settings
            .iter()
            .map(|one| format!("`{one}` is in force")),
    );
    if reloaded.another_server {
        let text = "another server accepts the connections; the previous one finishes its requests";
        lines.push(text.to_owned());
    }
    lines.extend(
        reloaded
            .report
            .routes
            .iter()
            .map(|one| format!("the routes of listener `{one}` have changed")),
    );
    lines.extend(reloaded.report.components.iter().map(outcome));
    lines.extend(
        reloaded
            .needs_restart
            .iter()
            .map(|one| format!("`{one}` takes effect at the next start")),
    );
    lines.push(format!("took {} ms", reloaded.milliseconds));
    lines.join("\n")
}

fn outcome(outcome: &Outcome) -> String {
    let Outcome {
        component, change, ..
    } = outcome;
    let digest = outcome.digest.as_deref().map(shorten).unwrap_or_default();
    let version = outcome.version.as_deref().unwrap_or_default();
    match (change, &outcome.reason) {
        (Change::Rejected, Some(reason)) => format!("{component:<12} {change:<10} {reason}"),
        _ => format!("{component:<12} {change:<10} {digest} {version}")
            .trim_end()
            .to_owned(),
    }
}

fn shorten(digest: &str) -> String {
    digest.chars().take(SHORT_DIGEST).collect()
}
