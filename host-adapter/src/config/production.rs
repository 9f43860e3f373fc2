//! Whether this is production: for the adapter, and for the components.
//!
//! Variables only, so that one file serves a laptop and production.

use super::layers::{self, Layers};

/// The adapter's variable. In production it makes no keys and no databases.
const ADAPTER: &str = "PRODUCTION";

/// The components' variable, which Spin reads too. In production they reject plain bodies where sealed ones
/// are required.
const COMPONENTS: &str = "SPIN_VARIABLE_PRODUCTION";

/// Reads the adapter's variable, and checks that the components' one does not contradict it. A value that is
/// not understood counts as production, and is reported.
pub(super) fn read(layers: &mut Layers<'_>) -> bool {
    let (adapter, components) = (adapter(layers), components(layers));
    if adapter && components == Some(false) {
        let text = format!("`{ADAPTER}=true` and `{COMPONENTS}=false` contradict each other");
        layers.reject("environment", text);
    }
    adapter
}

fn adapter(layers: &mut Layers<'_>) -> bool {
    let Some((text, origin)) = layers.environment.find(ADAPTER) else {
        return false;
    };
    layers::parse_boolean(text).unwrap_or_else(|| {
        let text = format!("`{ADAPTER}` must be `true` or `false`, got `{text}`");
        layers.reject(origin, text);
        true
    })
}

/// The components read the variable themselves, and only `false` is not production for them. Another
/// spelling would mean one thing here and another there.
fn components(layers: &mut Layers<'_>) -> Option<bool> {
    let (text, origin) = layers.environment.find(COMPONENTS)?;
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => {
            let text = format!("`{COMPONENTS}` must be `true` or `false`, got `{text}`");
            layers.reject(origin, text);
            None
        }
    }
}
