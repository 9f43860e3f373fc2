//! `host-adapter adapter-tokens`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Invocation, print};
use adapter_api::spin_variable;

/// The length of a 256-bit key, which cannot be guessed.
const BYTES: usize = 32;

/// Prints a variable with a new token for each component. The names are those that Spin reads, and the
/// adapter reads them too.
pub(super) fn run(invocation: &Invocation) -> anyhow::Result<()> {
    for component in invocation.settings.components.keys() {
        let mut token = [0; BYTES];
        getrandom::fill(&mut token)?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(token);
        print(&format!("{}={token}", spin_variable(component)))?;
    }
    Ok(())
}
