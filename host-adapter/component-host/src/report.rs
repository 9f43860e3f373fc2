//! What is served, and what a reload has changed.

use std::{collections::BTreeSet, path::PathBuf, time::SystemTime};

use serde::{Deserialize, Serialize};

/// A component that is served on one listener.
#[derive(Debug, Clone)]
pub struct ServedComponent {
    /// The listener's name in `[listen]`.
    pub listener: String,
    /// The component's id in the manifest.
    pub id: String,
    /// Its `.wasm` file.
    pub path: PathBuf,
    /// The SHA-256 of the file that was loaded, in hexadecimal. The file may have changed since.
    pub digest: String,
    /// The version that it reports, if it has reported one yet.
    pub version: Option<String>,
    /// When it was loaded.
    pub since: SystemTime,
}

/// What a reload has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The components that it was about, by id.
    pub components: Vec<Outcome>,
    /// The listeners whose routes have changed.
    pub routes: Vec<String>,
}

/// What became of one component. On all listeners it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The component's id.
    pub component: String,
    /// What has changed.
    pub change: Change,
    /// Why the new one does not serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digest of the file that serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The version that serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What a reload has changed about a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// A new one serves in place of the old one.
    Replaced,
    /// It was not served before.
    Added,
    /// It is not served any more.
    Removed,
    /// File, variables and grants are the same, so the same instances go on.
    Unchanged,
    /// The new one does not work. If there is an old one, it goes on serving.
    Rejected,
}

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Replaced => "replaced",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
        })
    }
}

impl Outcome {
    /// Whether something else serves than before.
    #[must_use]
    pub fn serves_anew(&self) -> bool {
        matches!(self.change, Change::Replaced | Change::Added)
    }
}

impl Report {
    /// What has changed when `after` serves in place of `before`, on another host.
    #[must_use]
    pub fn between(before: &[ServedComponent], after: &[ServedComponent]) -> Self {
        let ids: BTreeSet<&str> = before.iter().chain(after).map(|one| &*one.id).collect();
        let find = |all: &'_ [ServedComponent], id: &str| {
            let mut all = all.iter();
            all.find(|one| one.id == id).cloned()
        };
        let outcome = |id: &str| {
            let (before, after) = (find(before, id), find(after, id));
            let change = match (&before, &after) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                _ => Change::Replaced,
            };
            Outcome {
                component: id.to_owned(),
                change,
                reason: None,
                digest: after.as_ref().map(|one| one.digest.clone()),
                version: after.and_then(|one| one.version),
            }
        };
        Self {
            components: ids.into_iter().map(outcome).collect(),
            routes: Vec::new(),
        }
    }

    /// Whether a component was rejected.
    #[must_use]
    pub fn has_rejections(&self) -> bool {
        let mut outcomes = self.components.iter();
        outcomes.any(|outcome| outcome.change == Change::Rejected)
    }
}
