//! Space for the project's files, keys and databases.

use std::{
    collections::BTreeSet,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::Subject;
use crate::checks::{Finding, Level};

const CHECK: &str = "disk";

const MIB: u64 = 1 << 20;

/// Below this, PostgreSQL and logs soon stop: its log of changes alone takes up to 256 MB.
const TOO_LITTLE: u64 = 300 * MIB;

/// Below this, a build fails: its files take some gigabytes.
const LITTLE: u64 = 2_048 * MIB;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for path in directories(subject) {
        // Directories on one file system share its space.
        let device = path.metadata().map(|metadata| metadata.dev());
        if device.is_ok_and(|device| seen.insert(device)) {
            findings.push(check_directory(&path));
        }
    }
    findings
}

/// The directories that are written to, or the nearest ones that exist.
fn directories(subject: &Subject<'_>) -> Vec<PathBuf> {
    let settings = subject.settings;
    let logs = settings.log.directory.as_deref();
    let written = [
        subject.directory,
        settings.keys.directory.as_path(),
        settings.keys.seals_directory(),
        settings.host.compilation_cache.as_path(),
        subject.private_postgres,
    ];
    let existing = |path: &Path| {
        let mut ancestors = path.ancestors();
        ancestors.find(|path| path.exists()).map(Path::to_owned)
    };
    let written = written.into_iter().chain(logs);
    written.filter_map(existing).collect()
}

fn check_directory(path: &Path) -> Finding {
    let name = path.display();
    match rustix::fs::statvfs(path) {
        Ok(system) => {
            let free = system.f_bavail.saturating_mul(system.f_frsize);
            let what = format!("{} MiB are free for {name}", free / MIB);
            let level = level(free);
            let fix = if level == Level::Fine {
                ""
            } else {
                "make room there, or move the project"
            };
            Finding::new(CHECK, level, what, fix)
        }
        Err(error) => {
            let what = format!("the free space of {name} is not known: {error}");
            Finding::warning(CHECK, what, "check that the directory can be read")
        }
    }
}

fn level(free: u64) -> Level {
    match free {
        0..TOO_LITTLE => Level::Error,
        TOO_LITTLE..LITTLE => Level::Warning,
        _ => Level::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_space_is_a_worse_finding() {
        assert_eq!(level(TOO_LITTLE - 1), Level::Error);
        assert_eq!(level(TOO_LITTLE), Level::Warning);
        assert_eq!(level(LITTLE - 1), Level::Warning);
        assert_eq!(level(LITTLE), Level::Fine);
    }

    #[test]
    fn a_directory_that_is_missing_is_a_warning() {
        assert_eq!(check_directory(Path::new("/missing")).level, Level::Warning);
    }
}
