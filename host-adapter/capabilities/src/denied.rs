//! A call outside of a component's grants.

use std::sync::Arc;

/// A call outside a grant. The text names the missing grant.
#[derive(Debug, thiserror::Error)]
#[error("`{component}` is not granted {what}")]
pub struct Denied {
    component: Arc<str>,
    what: String,
}

/// The denial of `what` to `component`. It is logged, because it is either a mistake in
/// `adapter.toml` or an attack, and a person should see both.
pub(crate) fn denied(component: &str, what: &str) -> Denied {
    let denied = Denied {
        component: component.into(),
        what: what.to_owned(),
    };
    tracing::warn!(component, "{denied}");
    denied
}
