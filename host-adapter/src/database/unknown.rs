//! Migrations in a database that this release does not have, because a newer release applied them.
//!
//! Migrations leave the previous release working (expand, then contract), so an older release may start
//! during a rollout and after a rollback. A migration that is not compatible with every older release says
//! so at the end of its name: `0009_drop_phone_needs_0007.up.sql` works with releases that have migration
//! 7. The database records the name, so a release can read it without the file.

use super::migrations::{State, Status};

/// What precedes the number in the description of a migration; a description has spaces for `_`.
const NEEDS: &str = "needs";

/// Returns the migrations of `service` that this release does not have.
///
/// # Errors
///
/// One of them does not work with this release.
pub fn check<'a>(service: &str, all: &'a [Status]) -> anyhow::Result<Vec<&'a Status>> {
    let known = all.iter().filter(|one| one.state != State::Missing);
    let latest = known.map(|one| one.version).max().unwrap_or(0);
    let unknown: Vec<&Status> = all
        .iter()
        .filter(|one| one.state == State::Missing)
        .collect();
    for one in &unknown {
        let (version, name) = (one.version, &one.description);
        if let Some(needed) = needed(name).filter(|needed| *needed > latest) {
            anyhow::bail!(
                "migration {version} of `{service}` ({name}) was applied by a newer release and needs one \
                 with migration {needed}, but the latest of this release is {latest}: start a newer release"
            );
        }
    }
    Ok(unknown)
}

/// Logs that the database is newer than this release.
pub fn warn(service: &str, unknown: &[&Status]) {
    let names: Vec<String> = unknown
        .iter()
        .map(|one| format!("{} ({})", one.version, one.description))
        .collect();
    if !names.is_empty() {
        let names = names.join(", ");
        tracing::warn!(
            "the database of `{service}` is newer than this release, which does not have these migrations: \
             {names}"
        );
    }
}

/// The migration that a release must have to work with one of this description.
fn needed(description: &str) -> Option<i64> {
    let (before, number) = description.rsplit_once(' ')?;
    let marked = before.split(' ').next_back() == Some(NEEDS);
    marked.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: i64, description: &str, state: State) -> Status {
        let description = description.to_owned();
        Status {
            version,
            description,
            state,
        }
    }

    #[test]
    fn a_migration_says_which_release_it_needs() {
        assert_eq!(needed("drop phone needs 0007"), Some(7));
        for other in ["drop phone", "needs more", "needs", "who needs 7 x", "7"] {
            assert_eq!(needed(other), None, "{other}");
        }
    }

    #[test]
    fn only_migrations_that_need_a_newer_release_are_refused() {
        let known = status(7, "add phone number", State::Applied);
        let compatible = status(8, "add city", State::Missing);
        let needs_this = status(9, "drop phone needs 0007", State::Missing);
        let all = [known.clone(), compatible.clone(), needs_this];
        assert_eq!(check("user", &all).unwrap().len(), 2);
        let needs_next = status(10, "drop city needs 0008", State::Missing);
        let refused = check("user", &[known, compatible, needs_next]).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("migration 10 of `user`") && text.contains("migration 8"));
    }
}
