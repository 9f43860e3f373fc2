//! Replaces components of a running host between two requests.
//!
//! Everything new is read, compiled, linked, instantiated and checked beside what serves. Only then do
//! the threads switch. What does not pass leaves the old one serving.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use anyhow::Context as _;

use super::{
    Adapters,
    application::Application,
    check,
    draft::{Draft, Rejected},
    hosted::Hosted,
    report::{Change, Outcome, Report},
};

/// What to load again.
pub(super) enum Scope {
    /// The `.wasm` file, the variables and the environment of one component. The routes stay.
    Component(String),
    /// Manifests and all components.
    Everything,
    /// The same, with other grants. A rejection leaves everything as it is, because a component must not
    /// run with grants of which others are gone.
    Grants(Arc<Adapters>),
}

/// One application before and after a reload.
struct Step {
    before: Arc<Application>,
    after: Arc<Application>,
}

pub(super) async fn reload(hosted: Arc<Hosted>, scope: Scope) -> anyhow::Result<Report> {
    let mut adapters = hosted.adapters.lock().await;
    let started = Instant::now();
    let (only, next, all) = match scope {
        Scope::Component(id) => (Some(id), adapters.clone(), false),
        Scope::Everything => (None, adapters.clone(), false),
        Scope::Grants(next) => (None, next, true),
    };
    if let Some(id) = &only {
        ensure_served(&hosted, id)?;
    }
    let drafts = {
        let (hosted, only, next) = (hosted.clone(), only.clone(), next.clone());
        // Compiling takes seconds.
        tokio::task::spawn_blocking(move || drafts(&hosted, only.as_deref(), &next)).await??
    };
    let rejected = rejections(&drafts).await;
    if all && !rejected.is_empty() {
        return Ok(log(report(&[], &rejected, None), started));
    }
    let mut steps = Vec::new();
    for (served, draft) in hosted.applications.iter().zip(drafts) {
        let before = served.current();
        let after = draft.finish(&rejected);
        steps.push(Step { before, after });
    }
    let mut report = report(&steps, &rejected, only.as_deref());
    for (served, step) in hosted.applications.iter().zip(steps) {
        if step.before.routes != step.after.routes {
            report.routes.push(served.listener.clone());
        }
        if !Arc::ptr_eq(&step.before, &step.after) {
            served.replace(step.after);
        }
    }
    *adapters = next;
    Ok(log(report, started))
}

fn ensure_served(hosted: &Hosted, id: &str) -> anyhow::Result<()> {
    let mut known = BTreeSet::new();
    for served in &hosted.applications {
        let application = served.current();
        known.extend(application.templates.iter().map(|one| one.id.clone()));
    }
    let list = known.iter().map(|id| &**id).collect::<Vec<_>>();
    anyhow::ensure!(
        known.contains(id),
        "component `{id}` is not served; known: `{}`. A reload without a name takes up a new component",
        list.join("`, `")
    );
    Ok(())
}

fn drafts(hosted: &Hosted, only: Option<&str>, adapters: &Adapters) -> anyhow::Result<Vec<Draft>> {
    let mut load = hosted.loader.load(adapters);
    let draft = hosted.applications.iter().map(|served| {
        Draft::load(served.current(), &served.manifest, only, &mut load)
            .with_context(|| format!("the application of listener `{}`", served.listener))
    });
    draft.collect()
}

/// A component is rejected on all listeners, or on none: two versions would be hard to tell apart.
async fn rejections(drafts: &[Draft]) -> Rejected {
    let mut rejected = Rejected::new();
    drafts.iter().for_each(|draft| draft.reject(&mut rejected));
    for template in drafts.iter().flat_map(Draft::candidates) {
        if rejected.contains_key(&template.id) {
            continue;
        }
        if let Err(reason) = check::check(template).await {
            rejected.insert(template.id.clone(), reason);
        }
    }
    rejected
}

fn report(steps: &[Step], rejected: &Rejected, only: Option<&str>) -> Report {
    let mut ids: BTreeSet<&str> = rejected.keys().map(|id| &**id).collect();
    for step in steps {
        let templates = step.before.templates.iter().chain(&step.after.templates);
        ids.extend(templates.map(|template| &*template.id));
    }
    let ids = ids
        .into_iter()
        .filter(|id| only.is_none_or(|only| only == *id));
    Report {
        components: ids.map(|id| outcome(id, steps, rejected)).collect(),
        routes: Vec::new(),
    }
}

fn outcome(id: &str, steps: &[Step], rejected: &Rejected) -> Outcome {
    let before: Vec<_> = steps.iter().map(|step| step.before.template(id)).collect();
    let after: Vec<_> = steps.iter().map(|step| step.after.template(id)).collect();
    let serves = after.iter().flatten().next();
    let same = |(before, after): (&Option<&Arc<_>>, &Option<&Arc<_>>)| match (before, after) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (None, None) => true,
        _ => false,
    };
    let change = if rejected.contains_key(id) {
        Change::Rejected
    } else if serves.is_none() {
        Change::Removed
    } else if before.iter().all(Option::is_none) {
        Change::Added
    } else if before.iter().zip(&after).all(same) {
        Change::Unchanged
    } else {
        Change::Replaced
    };
    Outcome {
        component: id.to_owned(),
        change,
        reason: rejected.get(id).cloned(),
        digest: serves.map(|template| template.digest.to_string()),
        version: serves.and_then(|template| template.version.get().cloned()),
    }
}

fn log(report: Report, started: Instant) -> Report {
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    for outcome in &report.components {
        let Outcome { component, .. } = outcome;
        let digest = outcome.digest.as_deref().unwrap_or_default();
        match (outcome.change, &outcome.reason) {
            (Change::Unchanged, _) => {}
            (Change::Rejected, reason) => tracing::error!(
                "the new `{component}` does not serve: {}",
                reason.as_deref().unwrap_or_default()
            ),
            (change, _) => tracing::info!(digest, duration_ms, "`{component}` was {change}"),
        }
    }
    for listener in &report.routes {
        tracing::info!("the routes of listener `{listener}` have changed");
    }
    report
}

/// Checks what serves from the start, to learn its versions. A component that does not pass goes on
/// serving, because there is nothing to serve in its place.
pub(super) async fn check_first(hosted: Arc<Hosted>) {
    for served in &hosted.applications {
        for template in &served.current().templates {
            if template.version.get().is_some() {
                // It has passed already.
                continue;
            }
            if let Err(reason) = check::check(template).await {
                tracing::warn!(
                    "component `{}` fails its health check: {reason}",
                    template.id
                );
            }
        }
    }
}

/// Checks what is to serve in place of another host, which goes on if a component does not pass.
pub(super) async fn check_all(hosted: &Hosted) -> anyhow::Result<()> {
    for served in &hosted.applications {
        for template in &served.current().templates {
            let checked = check::check(template).await;
            checked.map_err(|reason| {
                anyhow::anyhow!("component `{}` does not serve: {reason}", template.id)
            })?;
        }
    }
    Ok(())
}
