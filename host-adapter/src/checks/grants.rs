//! What each component imports against what it is granted.
//!
//! A component may handle a denial, so a missing grant is a warning and not an error.

use adapter_component_host::Imports;

use super::{Finding, Project};
use crate::config::{Grants, TokenUse};

const CHECK: &str = "grants";

/// Components whose file is missing or is not a component.
pub(super) fn check_files(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, (path, imports)) in &project.components {
        let place = project.name(path);
        match imports {
            None => findings.push(Finding::error(
                CHECK,
                format!("component `{id}`: `{place}` was not found"),
                "build the components first with `./dev build` or `spin build`",
            )),
            Some(Err(error)) => findings.push(Finding::error(
                CHECK,
                format!("component `{id}`: {error:#}"),
                "build the components again with `./dev build` or `spin build`",
            )),
            Some(Ok(_)) => {}
        }
    }
    findings
}

/// Imports without a grant.
pub(super) fn check_missing(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, imports, grants) in granted(project) {
        for need in NEEDS {
            if need.is_imported(imports) && !(need.is_granted)(grants) {
                let name = need.name(imports);
                findings.push(missing(project, id, need, &name, grants));
            }
        }
    }
    findings
}

/// Grants without an import.
pub(super) fn check_surplus(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, imports, grants) in granted(project) {
        // Composed components import nothing, and their grants are in another process's settings.
        if imports.functions.is_empty() {
            continue;
        }
        for need in NEEDS {
            if (need.is_granted)(grants) && !need.is_imported(imports) && !need.sends(imports) {
                findings.push(surplus(project, id, need, &need.name(imports)));
            }
        }
    }
    findings
}

/// The components whose imports and grants are both known.
fn granted<'a>(
    project: &'a Project<'_>,
) -> impl Iterator<Item = (&'a str, &'a Imports, &'a Grants)> {
    let known = &project.settings.components;
    let components = project.imports();
    components.filter_map(|(id, imports)| Some((id, imports, known.get(id)?)))
}

/// A grant, and the functions that need it.
struct Need {
    grant: &'static str,
    interface: &'static str,
    /// Empty for all functions of the interface.
    functions: &'static [&'static str],
    is_granted: fn(&Grants) -> bool,
    /// The value to write, given the other grants.
    value: fn(&Grants) -> &'static str,
}

/// The functions that check a token and do what another interface does, in one call. They need the grants of both.
const FOR_SUBJECTS: &[(&str, &str, &str)] = &[
    ("postgres", "subject-queries", "fetch"),
    ("documents", "subject-documents", "insert"),
];

const NEEDS: &[Need] = &[
    Need {
        grant: "postgres",
        interface: "postgres",
        functions: &[],
        is_granted: |grants| grants.postgres,
        value: |_| "true",
    },
    Need {
        grant: "collections",
        interface: "documents",
        functions: &[],
        is_granted: |grants| !grants.collections.is_empty(),
        value: |_| "[\"…\"]",
    },
    Need {
        grant: "peers",
        interface: "dispatch",
        functions: &[],
        is_granted: |grants| grants.every_other || !grants.peers.is_empty(),
        value: |_| "[\"…\"]",
    },
    Need {
        grant: "passwords",
        interface: "passwords",
        functions: &[],
        is_granted: |grants| grants.passwords,
        value: |_| "true",
    },
    Need {
        grant: "tokens",
        interface: "tokens",
        functions: &["issue", "end"],
        is_granted: |grants| grants.may(TokenUse::Issue),
        value: |grants| match grants.may(TokenUse::Verify) {
            true => "[\"issue\", \"verify\"]",
            false => "[\"issue\"]",
        },
    },
    Need {
        grant: "tokens",
        interface: "tokens",
        functions: &["verify", "public-keys"],
        is_granted: |grants| grants.may(TokenUse::Verify),
        value: |grants| match grants.may(TokenUse::Issue) {
            true => "[\"issue\", \"verify\"]",
            false => "[\"verify\"]",
        },
    },
    Need {
        grant: "envelopes",
        interface: "envelopes",
        functions: &[],
        is_granted: |grants| !grants.envelopes.is_empty(),
        value: |_| "[\"client\"]",
    },
];

impl Need {
    fn is_imported(&self, imports: &Imports) -> bool {
        self.is_imported_itself(imports) || self.for_subjects(imports).is_some()
    }

    fn is_imported_itself(&self, imports: &Imports) -> bool {
        let imported = imports.functions.get(self.interface);
        imported.is_some_and(|imported| {
            let mut needed = self.functions.iter();
            self.functions.is_empty() || needed.any(|name| imported.contains(*name))
        })
    }

    /// The interface for the subject of a token that is imported, if the grant is one of the two that it needs.
    fn for_subjects(&self, imports: &Imports) -> Option<&'static str> {
        let verifies = self.functions.contains(&"verify");
        let mut needing = FOR_SUBJECTS.iter().filter(|(other, interface, function)| {
            (verifies || self.interface == *other) && imports.has(interface, function)
        });
        needing.next().map(|(_, interface, _)| *interface)
    }

    /// Whether the grant is for the messages of a transaction, which need `peers` too.
    fn sends(&self, imports: &Imports) -> bool {
        self.grant == "peers" && imports.has("postgres", "transact")
    }

    /// The functions as a component's author knows them.
    fn name(&self, imports: &Imports) -> String {
        if let (Some(interface), false) =
            (self.for_subjects(imports), self.is_imported_itself(imports))
        {
            return format!("`spindle:adapter/{interface}`");
        }
        match self.functions {
            [] => format!("`spindle:adapter/{}`", self.interface),
            functions => {
                let names = functions.join("`, `");
                format!("`{names}` of `spindle:adapter/{}`", self.interface)
            }
        }
    }
}

fn missing(project: &Project<'_>, id: &str, need: &Need, name: &str, grants: &Grants) -> Finding {
    let (grant, value, file) = (need.grant, (need.value)(grants), &project.file);
    Finding::warning(
        CHECK,
        format!(
            "component `{id}` imports {name}, but is not granted it: every call will be denied"
        ),
        format!("write `{grant} = {value}` into `[components.{id}]` in {file}"),
    )
}

fn surplus(project: &Project<'_>, id: &str, need: &Need, name: &str) -> Finding {
    let (grant, file) = (need.grant, &project.file);
    Finding::warning(
        CHECK,
        format!("component `{id}` is granted `{grant}`, but does not import {name}"),
        format!("remove it from `{grant}` in `[components.{id}]` in {file}"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn importing(functions: &[(&str, &str)]) -> Imports {
        let mut imported: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (interface, function) in functions {
            let names = imported.entry((*interface).to_owned()).or_default();
            names.insert((*function).to_owned());
        }
        Imports {
            functions: imported,
            ..Imports::default()
        }
    }

    /// The grants that the imports need, with what is said to be imported.
    fn needed(functions: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let imports = importing(functions);
        let needs = NEEDS.iter().filter(|need| need.is_imported(&imports));
        let needed = needs.map(|need| (need.grant, need.name(&imports)));
        needed.collect()
    }

    #[test]
    fn a_need_is_named_after_what_is_imported() {
        let subjects = || "`spindle:adapter/subject-queries`".to_owned();
        let fetch = ("subject-queries", "fetch");
        assert_eq!(
            needed(&[fetch]),
            [("postgres", subjects()), ("tokens", subjects())]
        );
        assert_eq!(
            needed(&[fetch, ("postgres", "fetch")]),
            [
                ("postgres", "`spindle:adapter/postgres`".to_owned()),
                ("tokens", subjects())
            ]
        );
        let documents = || "`spindle:adapter/subject-documents`".to_owned();
        assert_eq!(
            needed(&[("subject-documents", "insert")]),
            [("collections", documents()), ("tokens", documents())]
        );
    }
}
