//! The differences between a live schema and the one that migrations make, with what to do about each.

use std::collections::BTreeSet;

use super::{
    CHECK,
    snapshot::{Object, Snapshot},
};
use crate::checks::{Finding, Level};

/// The adapter's own table, which each start completes. A component that has lost its peers keeps it.
const OUTBOX: &str = "outbox";

/// Objects that can make a statement fail that worked without them.
const RESTRICTING: [&str; 3] = ["column", "constraint", "trigger"];

/// Differences that are reported in full.
const MAX_DIFFERENCES: usize = 50;

/// How much of a definition is shown, in characters.
const MAX_DEFINITION: usize = 200;

pub(super) fn compare(service: &str, live: &Snapshot, made: &Snapshot) -> Vec<Finding> {
    let objects: BTreeSet<&Object> = live.keys().chain(made.keys()).collect();
    let different = objects
        .into_iter()
        .filter(|object| live.get(*object) != made.get(*object));
    let different: Vec<&Object> = different
        .filter(|object| {
            !is_part_of_other(object, live, made) && !is_expected_of_outbox(object, live, made)
        })
        .collect();
    let shown = different.iter().take(MAX_DIFFERENCES);
    let mut findings: Vec<Finding> = shown
        .map(|object| difference(service, object, live.get(*object), made.get(*object)))
        .collect();
    let hidden = different.len().saturating_sub(MAX_DIFFERENCES);
    if hidden > 0 {
        let what = format!("{hidden} more differences in the schema of `{service}`");
        findings.push(Finding::error(CHECK, what, "resolve the others first"));
    }
    findings
}

/// Whether the object belongs to a table that one of the schemas lacks, which is reported itself.
fn is_part_of_other((kind, name): &Object, live: &Snapshot, made: &Snapshot) -> bool {
    let Some((table, _)) = name.split_once('.').filter(|_| kind != "table") else {
        return false;
    };
    let key = ("table".to_owned(), table.trim_matches('"').to_owned());
    live.contains_key(&key) != made.contains_key(&key)
}

/// Whether the object is of the outbox, and will be there after the next start, or is there from a time
/// when the component had peers.
fn is_expected_of_outbox(object: &Object, live: &Snapshot, made: &Snapshot) -> bool {
    let (_, name) = object;
    let rest = name.strip_prefix(OUTBOX);
    let of_outbox = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']));
    let table = ("table".to_owned(), OUTBOX.to_owned());
    of_outbox && (!live.contains_key(object) || !made.contains_key(&table))
}

fn difference(
    service: &str,
    (kind, name): &Object,
    live: Option<&String>,
    made: Option<&String>,
) -> Finding {
    let write = format!("`host-adapter migrate new --service {service} \"…\"`");
    let (what, fix) = match (live, made) {
        (Some(live), None) => (
            format!(
                "{kind} `{name}` of `{service}` is in the database, but no migration makes it{}",
                shown(live)
            ),
            format!("make it in a new migration, {write}, or remove it by hand"),
        ),
        (None, made) => (
            format!(
                "{kind} `{name}` of `{service}` is missing in the database, and a migration makes it{}",
                made.map(|made| shown(made)).unwrap_or_default()
            ),
            format!(
                "make it by hand as the migration does, or drop it in a new migration, {write}"
            ),
        ),
        (Some(live), Some(made)) => (
            format!(
                "{kind} `{name}` of `{service}` is `{}` in the database, and `{}` after the migrations",
                shorten(live),
                shorten(made)
            ),
            format!(
                "change it by hand as the migrations have it, or change it in a new migration, {write}"
            ),
        ),
    };
    let level = match (made, kind.as_str()) {
        (None, kind) if !RESTRICTING.contains(&kind) => Level::Warning,
        _ => Level::Error,
    };
    Finding::new(CHECK, level, what, fix)
}

fn shown(definition: &str) -> String {
    if definition.is_empty() {
        return String::new();
    }
    format!(": `{}`", shorten(definition))
}

fn shorten(definition: &str) -> String {
    let line = definition.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_DEFINITION {
        return line;
    }
    let start: String = line.chars().take(MAX_DEFINITION).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(objects: &[(&str, &str, &str)]) -> Snapshot {
        let entries = objects.iter();
        entries
            .map(|(kind, name, text)| (((*kind).into(), (*name).into()), (*text).into()))
            .collect()
    }

    #[test]
    fn a_missing_table_is_reported_without_its_columns() {
        let made = snapshot(&[("table", "notes", ""), ("column", "notes.id", "uuid")]);
        let findings = compare("notes", &Snapshot::new(), &made);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].what.contains("table `notes`"));
    }

    #[test]
    fn differences_beyond_the_limit_are_counted() {
        let names: Vec<String> = (0..MAX_DIFFERENCES + 3).map(|n| format!("t{n}")).collect();
        let objects: Vec<_> = names
            .iter()
            .map(|name| ("table", name.as_str(), ""))
            .collect();
        let findings = compare("notes", &snapshot(&objects), &Snapshot::new());
        assert_eq!(findings.len(), MAX_DIFFERENCES + 1);
        assert!(findings[MAX_DIFFERENCES].what.starts_with("3 more"));
    }

    #[test]
    fn an_outbox_without_peers_is_not_drift() {
        let live = snapshot(&[
            ("table", "outbox", ""),
            ("column", "outbox.id", "uuid"),
            ("index", "outbox_due", "x"),
        ]);
        assert!(compare("notes", &live, &Snapshot::new()).is_empty());
        let mut newer = live.clone();
        newer.insert(("column".into(), "outbox.more".into()), "text".into());
        assert!(compare("notes", &live, &newer).is_empty(), "before a start");
        assert_eq!(compare("notes", &newer, &live).len(), 1, "by hand");
    }
}
