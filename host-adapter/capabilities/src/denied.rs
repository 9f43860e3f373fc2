//! A call that the component is not granted.

use std::sync::Arc;

/// A call that the component is not granted. The text names the missing grant.
#[derive(Debug, thiserror::Error)]
#[error("`{component}` is not granted {grant}")]
pub struct Denied {
    component: Arc<str>,
    grant: String,
}

/// Creates and logs the denial of `grant` to `component`. A denial is either a mistake in `adapter.toml`
/// or an attack, and a person should see both.
pub(crate) fn denied(component: &str, grant: &str) -> Denied {
    let denied = Denied {
        component: component.into(),
        grant: grant.to_owned(),
    };
    tracing::warn!(component, "{denied}");
    denied
}
