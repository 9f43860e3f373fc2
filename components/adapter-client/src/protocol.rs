//! What the two sides of the wire agree about.
//!
//! The wire's version is that of the WIT package, because its types are the wire's types: both
//! sides read it from the file that their types are generated from.

/// The file that names the package; any of them does.
const PACKAGE: &str = include_str!("../../../wit/world.wit");

/// Request header with the version that the client speaks.
pub(crate) const VERSION_HEADER: &str = "spindle-adapter-version";

/// The version of `spindle:adapter` that this client was built with, such as `0.1.0`.
pub(crate) fn version() -> &'static str {
    PACKAGE
        .split_once('@')
        .and_then(|(_, rest)| rest.split_once(';'))
        .map_or("", |(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_packages() {
        let numbers: Vec<_> = version().split('.').map(str::parse::<u32>).collect();
        assert!(
            numbers.len() == 3 && numbers.iter().all(Result::is_ok),
            "{}",
            version()
        );
    }
}
