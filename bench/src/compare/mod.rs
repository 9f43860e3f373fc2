//! Compares hosts, and two revisions of each.

mod report;

use crate::{
    against,
    checkout::Checkout,
    cli::Comparison,
    hosts::{Host, Kind},
    lab::Lab,
    note,
    pages::{self, Part},
    picture,
    rounds::{Plan, Sample},
    routes::Route,
    say,
};
use report::Report;

/// What was measured, in the order in which it is shown.
pub(crate) struct Measured {
    pub(crate) hosts: Vec<HostUse>,
    pub(crate) routes: Vec<Route>,
    pub(crate) samples: Vec<Sample>,
}

/// A host, after the measurement.
#[derive(Debug, Clone)]
pub(crate) struct HostUse {
    pub(crate) kind: Kind,
    pub(crate) old: bool,
    pub(crate) label: String,
    /// KiB, before the first measurement.
    pub(crate) memory_at_start: f64,
    /// The sum of the largest resident sizes, in KiB.
    pub(crate) peak_resident: f64,
}

/// Runs a comparison. `hosts` and `routes` are those of the command, if the options name none.
pub(crate) async fn run(
    options: &Comparison,
    lab: &Lab,
    hosts: &[Kind],
    routes: &[Route],
) -> anyhow::Result<()> {
    let kinds = available(options, hosts)?;
    let mut routes = if options.routes.is_empty() {
        routes.to_vec()
    } else {
        options.routes.clone()
    };
    // Events are recorded before statistics are read.
    routes.sort_unstable();
    routes.dedup();
    let old = match &options.against {
        Some(revision) => Some(against::build(
            &lab.checkout.root,
            revision,
            options.programs.debug,
        )?),
        None => None,
    };
    let running = start(lab, &kinds, old.as_ref(), routes.contains(&Route::Login)).await?;
    let measured = measure(options, lab, &running, routes).await?;
    let report = Report::new(&measured);
    say(&report.text())?;
    if options.write {
        let part = Part {
            name: "comparison",
            text: report.markdown(),
            picture: "performance.svg",
            shows: "Requests per second of each host, by route",
            svg: picture::bars(&report.bars()),
        };
        pages::write(&lab.checkout.root, &part)?;
    }
    Ok(())
}

/// The hosts that are asked for, without those that this machine lacks.
fn available(options: &Comparison, hosts: &[Kind]) -> anyhow::Result<Vec<Kind>> {
    let asked = !options.hosts.is_empty();
    let mut kinds = if asked {
        options.hosts.clone()
    } else {
        hosts.to_vec()
    };
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds.iter().filter(|kind| !kind.is_available()) {
        let missing = format!(
            "`spin` is not on the PATH: {} is not measured",
            kind.title()
        );
        anyhow::ensure!(!asked, missing);
        note(&missing);
    }
    kinds.retain(|kind| kind.is_available());
    Ok(kinds)
}

/// Hosts in the order of the table. The first one may serve only as the original of twins.
struct Running {
    hosts: Vec<Host>,
    /// An embedded host that is not measured.
    _original: Option<Host>,
}

async fn start(
    lab: &Lab,
    kinds: &[Kind],
    old: Option<&Checkout>,
    logs_in: bool,
) -> anyhow::Result<Running> {
    let mut hosts = Vec::new();
    for kind in kinds.iter().filter(|kind| !kind.is_twin()) {
        hosts.push(start_one(*kind, lab, None, logs_in).await?);
        if let Some(old) = old {
            hosts.push(start_one(*kind, lab, Some(old), logs_in).await?);
        }
    }
    let twins: Vec<Kind> = kinds
        .iter()
        .copied()
        .filter(|kind| kind.is_twin())
        .collect();
    let mut original = None;
    if !twins.is_empty() && !hosts.iter().any(is_original) {
        original = Some(start_one(Kind::Embedded, lab, None, false).await?);
    }
    for kind in twins {
        let found = hosts.iter().chain(&original).find(|host| is_original(host));
        if let Some(found) = found {
            hosts.push(Host::start_twin(kind, lab, found).await?);
        }
    }
    Ok(Running {
        hosts,
        _original: original,
    })
}

fn is_original(host: &Host) -> bool {
    host.kind == Kind::Embedded && !host.old
}

async fn start_one(
    kind: Kind,
    lab: &Lab,
    old: Option<&Checkout>,
    logs_in: bool,
) -> anyhow::Result<Host> {
    let kind_name = format!("{kind:?}").to_lowercase();
    let name = old.map_or(kind_name.clone(), |_| format!("{kind_name}-old"));
    note(&format!("starting {}", name.replace('-', ", ")));
    let checkout = old.unwrap_or(&lab.checkout);
    let mut host = Host::start(kind, lab, checkout, &name).await?;
    host.old = old.is_some();
    if logs_in {
        host.register_users().await?;
    }
    Ok(host)
}

async fn measure(
    options: &Comparison,
    lab: &Lab,
    running: &Running,
    routes: Vec<Route>,
) -> anyhow::Result<Measured> {
    let hosts = &running.hosts;
    let at_start: Vec<u64> = hosts.iter().map(|host| host.processes().memory()).collect();
    let plan = Plan {
        hosts,
        routes,
        rounds: options.rounds,
        seconds: options.seconds,
    };
    let samples = plan.run(lab).await?;
    let hosts = hosts.iter().zip(at_start).map(|(host, memory)| HostUse {
        kind: host.kind,
        old: host.old,
        label: host.label(),
        memory_at_start: memory as f64,
        peak_resident: host.processes().peak_resident() as f64,
    });
    Ok(Measured {
        hosts: hosts.collect(),
        routes: plan.routes,
        samples,
    })
}
