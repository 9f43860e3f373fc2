//! Finds PostgreSQL's programs. Debian does not put them on the `PATH`, but in one directory per
//! version.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::account::Account;

/// Directories that contain one directory per version, and the programs' directory below that.
const VERSIONED: [(&str, &str); 3] = [
    ("/usr/lib/postgresql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
];

/// Where PostgreSQL's own build installs them.
const PLAIN: &str = "/usr/local/pgsql/bin";

/// The programs of one version, all in one directory.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// Finds programs that `account` can run, of major version `version` if one is given. The first on
    /// the `PATH` win, then the newest in the usual directories.
    pub(super) async fn find(account: &Account, version: Option<&str>) -> Option<Self> {
        for directory in candidates() {
            if ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|name| directory.join(name).is_file())
            {
                let found = major_version(account, &directory.join("postgres")).await;
                if found.is_some_and(|found| version.is_none_or(|version| version == found)) {
                    return Some(Self { directory });
                }
            }
        }
        None
    }

    /// The path of the program `name`.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for (directory, below) in VERSIONED {
        candidates.extend(newest_first(Path::new(directory), below));
    }
    candidates.push(PathBuf::from(PLAIN));
    candidates
}

fn newest_first(directory: &Path, below: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut versions: Vec<(u32, String)> = names
        .filter_map(|name| {
            let number = name
                .strip_prefix("postgresql@")
                .unwrap_or(&name)
                .parse()
                .ok()?;
            Some((number, name))
        })
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions
        .into_iter()
        .map(|(_, name)| directory.join(name).join(below))
        .collect()
}

/// `15` of `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
async fn major_version(account: &Account, postgres: &Path) -> Option<String> {
    let mut command = Command::new(postgres);
    account.configure(command.as_std_mut());
    let output = command
        .arg("--version")
        .current_dir("/")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    parse_version(&text)
}

fn parse_version(text: &str) -> Option<String> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    (!major.is_empty()).then_some(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_releases_and_previews() {
        let read = |text: &str| parse_version(text);
        assert_eq!(
            read("postgres (PostgreSQL) 15.14 (Debian 15.14)").as_deref(),
            Some("15")
        );
        assert_eq!(
            read("postgres (PostgreSQL) 19beta1\n").as_deref(),
            Some("19")
        );
        assert_eq!(read("something else"), None);
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["9", "postgresql@15", "17", "notes"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let found = newest_first(directory.path(), "bin");
        let expected = ["17/bin", "postgresql@15/bin", "9/bin"];
        assert_eq!(found, expected.map(|name| directory.path().join(name)));
    }
}
