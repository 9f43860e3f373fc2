//! Peers that reject what they are sent, and peers in the settings that change nothing.

use super::{Finding, Project};
use crate::config::Grants;

const CHECK: &str = "peers";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = deaf(project);
    findings.extend(without_url(project));
    findings
}

/// Peers that a component can send messages to, and that do not hear it. It may send them none, so this
/// is a warning.
fn deaf(project: &Project<'_>) -> Vec<Finding> {
    let components = &project.settings.components;
    let mut findings = Vec::new();
    for (sender, grants) in components {
        if !sends_messages(project, sender, grants) {
            continue;
        }
        for peer in &grants.peers {
            let Some(receiver) = components.get(peer) else {
                continue;
            };
            if !receiver.envelopes.contains(sender) {
                findings.push(unheard(&project.file, sender, peer, receiver));
            }
        }
    }
    findings
}

/// Only a transaction can send a message. A component that may call every other component, such as the
/// gateway, is not expected to send messages to all of them.
fn sends_messages(project: &Project<'_>, sender: &str, grants: &Grants) -> bool {
    let imports = project.imports().find(|(id, _)| *id == sender);
    let transacts = imports.is_none_or(|(_, imports)| imports.has("postgres", "transact"));
    grants.postgres && !grants.every_other && transacts
}

fn unheard(file: &str, sender: &str, peer: &str, receiver: &Grants) -> Finding {
    let heard = receiver.envelopes.iter().map(String::as_str);
    let heard: Vec<&str> = heard.chain([sender]).collect();
    let list = heard.join("\", \"");
    Finding::warning(
        CHECK,
        format!(
            "`{sender}` may send messages to `{peer}`, but `{peer}` does not hear `{sender}`: its \
             messages will be rejected"
        ),
        format!("write `envelopes = [\"{list}\"]` into `[components.{peer}]` in {file}"),
    )
}

/// Tables without a `url`.
fn without_url(project: &Project<'_>) -> Vec<Finding> {
    let peers = project.settings.peers.iter();
    let idle = peers.filter(|(_, peer)| peer.declared && peer.url.is_none());
    let finding = |(name, _): (&String, _)| {
        let file = &project.file;
        let what = format!("`[peers.{name}]` in {file} has no `url`");
        if project.settings.components.contains_key(name) {
            let what =
                format!("{what}, so it changes nothing: `{name}` is a component of this project");
            let fix = format!(
                "remove it, or set its `url` if `{name}` runs elsewhere; who may call `{name}` is \
                 said by `peers` in `[components.…]`"
            );
            return Finding::warning(CHECK, what, fix);
        }
        let what = format!("{what}, and `{name}` is not a component of this project");
        Finding::warning(
            CHECK,
            what,
            format!("add `url = \"http://…\"` to `[peers.{name}]`"),
        )
    };
    idle.map(finding).collect()
}
