//! The version of the wire format, which is that of the WIT package because the types are the same.

use adapter_contract::VERSION;

use super::rejection::Rejection;

/// Rejects a client with an incompatible version, and says which side to upgrade. While the major
/// version is 0, a new minor version is incompatible (Semantic Versioning 2.0.0, section 4).
pub(super) fn check(theirs: &str) -> Result<(), Rejection> {
    compare(theirs, VERSION)
}

fn compare(theirs: &str, ours: &'static str) -> Result<(), Rejection> {
    let (Some(client), Some(adapter)) = (compatibility(theirs), compatibility(ours)) else {
        return Err(mismatch(theirs, ours, "adapter-client"));
    };
    match client.cmp(&adapter) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(mismatch(theirs, ours, "adapter-client")),
        std::cmp::Ordering::Greater => Err(mismatch(theirs, ours, "host-adapter")),
    }
}

fn mismatch(theirs: &str, ours: &'static str, behind: &'static str) -> Rejection {
    Rejection::Version {
        theirs: theirs.chars().take(20).collect(),
        ours,
        behind,
    }
}

/// The part of a version that changes when callers break.
fn compatibility(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((major, if major == 0 { minor } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(theirs: &str, ours: &'static str) -> String {
        compare(theirs, ours).unwrap_err().to_string()
    }

    #[test]
    fn only_incompatible_versions_are_rejected() {
        assert!(compare(VERSION, VERSION).is_ok());
        assert!(compare("0.1.7", "0.1.0").is_ok());
        assert!(compare("1.9.0", "1.2.3").is_ok());
        assert!(compare("2.0.0", "1.2.3").is_err());
        assert!(compare("none", "0.1.0").is_err());
    }

    #[test]
    fn rejection_names_both_versions_and_what_to_upgrade() {
        let old = rejection("0.1.0", "0.2.0");
        assert!(old.contains("0.1.0") && old.contains("0.2.0"), "{old}");
        assert!(old.contains("upgrade adapter-client"), "{old}");
        assert!(rejection("0.3.0", "0.2.0").contains("upgrade host-adapter"));
    }
}
