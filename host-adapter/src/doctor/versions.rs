//! Versions that must fit together: this program, `wit/`, the SDK of the components, and Spin.
//!
//! The version that each component was built for is among the checks at start.

use std::path::Path;

use adapter_contract::VERSION;
use toml::{Table, Value};

use super::programs::{Answer, ask, version};
use crate::checks::Finding;

const CHECK: &str = "versions";

/// The package in `wit/`.
const PACKAGE: &str = "spindle:adapter";

/// The oldest Spin that runs components of WASI 0.3, which this spin-sdk and newer ones make.
const SPIN: (u32, u32, u32) = (4, 1, 0);
const SDK: (u32, u32, u32) = (7, 0, 0);

/// Size limit of a file that is read, in bytes. A `Cargo.lock` of thousands of crates is smaller.
const MAX_BYTES: u64 = 16 << 20;

pub(super) async fn check(directory: &Path) -> Vec<Finding> {
    let program = env!("CARGO_PKG_VERSION");
    let text = format!("host-adapter {program} provides {PACKAGE} {VERSION}");
    let mut findings = vec![Finding::fine(CHECK, text)];
    findings.extend(check_wit(&directory.join("wit")));
    let sdk = sdk(directory);
    findings.extend(sdk.as_deref().map(check_sdk));
    findings.push(check_spin(directory).await);
    findings
}

/// Files in `wit/` of another version than this program was built from.
fn check_wit(directory: &Path) -> Vec<Finding> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .collect();
    files.sort();
    let mut findings = Vec::new();
    for path in files {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = read(&path).unwrap_or_default();
        let declared = text.lines().find_map(|line| {
            let package = line.trim().strip_prefix("package ")?;
            let version = package.strip_prefix(PACKAGE)?.strip_prefix('@')?;
            Some(version.trim_end_matches(';').to_owned())
        });
        if let Some(declared) = declared.filter(|declared| declared != VERSION) {
            findings.push(Finding::error(
                CHECK,
                format!(
                    "wit/{name} declares {PACKAGE} {declared}, but this program provides {VERSION}"
                ),
                "build host-adapter and the components again: `./dev build`",
            ));
        }
    }
    findings
}

fn check_sdk(sdk: &str) -> Finding {
    if version(sdk).is_some_and(|found| found < SDK) {
        let (major, ..) = SDK;
        return Finding::error(
            CHECK,
            format!("spin-sdk is {sdk}, whose components this host-adapter does not run"),
            format!("set `spin-sdk = \"{major}\"` in Cargo.toml, and build again"),
        );
    }
    Finding::fine(CHECK, format!("spin-sdk {sdk}"))
}

async fn check_spin(directory: &Path) -> Finding {
    let (major, minor, _) = SPIN;
    let install = format!("install Spin {major}.{minor} or newer, see https://spinframework.dev");
    match ask(directory, "spin", &["--version"]).await {
        Answer::Missing => {
            Finding::fine(CHECK, "Spin is not on the PATH; only `./dev spin` needs it")
        }
        Answer::Failed => Finding::warning(CHECK, "`spin --version` fails", install),
        Answer::Said(text) if version(&text).is_some_and(|found| found < SPIN) => {
            let what =
                format!("{text} is older than Spin {major}.{minor}: it cannot run the components");
            Finding::warning(CHECK, what, install)
        }
        Answer::Said(text) => Finding::fine(CHECK, text),
    }
}

/// The version of spin-sdk that the components are built with.
fn sdk(directory: &Path) -> Option<String> {
    let lock: Table = read(&directory.join("Cargo.lock"))?.parse().ok()?;
    let packages = lock.get("package")?.as_array()?;
    let sdk = packages
        .iter()
        .find(|package| package.get("name").and_then(Value::as_str) == Some("spin-sdk"))?;
    Some(sdk.get("version")?.as_str()?.to_owned())
}

/// The text of a file. `None` if it cannot be read or is too large.
fn read(path: &Path) -> Option<String> {
    if path.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    std::fs::read_to_string(path).ok()
}
