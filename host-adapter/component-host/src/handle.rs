//! What an operator sees and changes of a running host.

use std::sync::Arc;

use super::{
    Adapters,
    hosted::Hosted,
    reload::{self, Scope},
    report::{Report, ServedComponent},
};

/// Shows and replaces the components of a running [`Host`](super::Host). Clones are handles of the same
/// host.
#[derive(Clone)]
pub struct HostHandle(Arc<Hosted>);

impl HostHandle {
    pub(super) fn new(hosted: Arc<Hosted>) -> Self {
        Self(hosted)
    }

    /// Every component on every listener, as it is served now.
    #[must_use]
    pub fn components(&self) -> Vec<ServedComponent> {
        let applications = self.0.applications.iter();
        applications
            .flat_map(|application| application.components())
            .collect()
    }

    /// Replaces what has changed: one component, or the manifests and all components.
    ///
    /// A component is replaced if its file, its variables, its environment or its grants are other ones.
    /// The new one gets requests when it has answered its own health route. Otherwise the old one goes on,
    /// and the report says why. Requests in flight finish on the old one. When this returns, no request
    /// begins on the old one. Reloads at the same time run one after the other.
    ///
    /// # Errors
    ///
    /// `component` is not served, or a manifest is not valid. Nothing has changed then.
    pub async fn reload(&self, component: Option<&str>) -> anyhow::Result<Report> {
        let scope = match component {
            Some(id) => Scope::Component(id.to_owned()),
            None => Scope::Everything,
        };
        reload::reload(self.0.clone(), scope).await
    }

    /// Like [`reload`](Self::reload) of everything, with other grants. If a component is rejected, nothing
    /// changes.
    ///
    /// # Errors
    ///
    /// A manifest is not valid.
    pub async fn reload_with(&self, adapters: Adapters) -> anyhow::Result<Report> {
        reload::reload(self.0.clone(), Scope::Grants(Arc::new(adapters))).await
    }
}
