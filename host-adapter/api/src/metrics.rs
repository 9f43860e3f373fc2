//! What the API measures. The calls themselves are measured where both ways meet, in `adapter-bindings`.

use std::sync::LazyLock;

use adapter_telemetry::metrics::{Counter, Family, Labels, labels, register};

static REJECTED: LazyLock<Family<Labels<2>, Counter>> = LazyLock::new(|| {
    let help = "Calls of components on other hosts that were rejected";
    register("spindle_api_rejected_calls", help, Family::default())
});

/// Counts a rejected call of `component`, which is `_OTHER` if it is not known.
pub(crate) fn rejected(component: &str, reason: &'static str) {
    let component = component.to_owned().into();
    let labels = labels([("component", component), ("reason", reason.into())]);
    REJECTED.get_or_create(&labels).inc();
}
