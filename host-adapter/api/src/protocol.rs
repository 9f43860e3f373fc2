//! The version of the wire: that of the WIT package, because its types are the wire's types.

use adapter_contract::VERSION;
use http::HeaderMap;

use super::refusal::Refusal;

/// The header in which adapter-client says its version.
const HEADER: &str = "spindle-adapter-version";

/// Refuses a client of another version, and says which side is behind. While the major version is 0
/// the minor one stands for it (Semantic Versioning 2.0.0, section 4).
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let theirs = headers.get(HEADER).and_then(|value| value.to_str().ok());
    compare(theirs.unwrap_or("none"), VERSION)
}

fn compare(theirs: &str, ours: &'static str) -> Result<(), Refusal> {
    let (Some(client), Some(adapter)) = (breaking(theirs), breaking(ours)) else {
        return Err(mismatch(theirs, ours, "adapter-client"));
    };
    match client.cmp(&adapter) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(mismatch(theirs, ours, "adapter-client")),
        std::cmp::Ordering::Greater => Err(mismatch(theirs, ours, "host-adapter")),
    }
}

fn mismatch(theirs: &str, ours: &'static str, behind: &'static str) -> Refusal {
    Refusal::Version {
        theirs: theirs.chars().take(20).collect(),
        ours,
        behind,
    }
}

/// The part of a version whose change breaks callers.
fn breaking(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((major, if major == 0 { minor } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(theirs: &str, ours: &'static str) -> String {
        compare(theirs, ours).unwrap_err().to_string()
    }

    #[test]
    fn only_what_breaks_callers_is_refused() {
        assert!(compare(VERSION, VERSION).is_ok());
        assert!(compare("0.1.7", "0.1.0").is_ok());
        assert!(compare("1.9.0", "1.2.3").is_ok());
        assert!(compare("2.0.0", "1.2.3").is_err());
        assert!(compare("none", "0.1.0").is_err());
    }

    #[test]
    fn the_refusal_names_both_versions_and_who_is_behind() {
        let old = refused("0.1.0", "0.2.0");
        assert!(old.contains("0.1.0") && old.contains("0.2.0"), "{old}");
        assert!(old.contains("upgrade adapter-client"), "{old}");
        assert!(refused("0.3.0", "0.2.0").contains("upgrade host-adapter"));
    }
}
