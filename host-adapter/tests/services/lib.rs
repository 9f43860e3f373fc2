//! The end-to-end tests of the services. A service's test is beside its code, in `components/<name>/e2e.rs`,
//! and is a module of the one test binary without an edit there.

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// The project whose services are tested.
pub const PROJECT: &str = env!("SPINDLE_TESTED_PROJECT");
