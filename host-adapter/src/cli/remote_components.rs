//! The components that another process hosts, as the application's index describes them.

use std::time::{Duration, Instant, SystemTime};

use adapter_capabilities::dispatch::Dispatch;
use adapter_management::ServedComponent;
use serde::Deserialize;
use tokio::sync::Mutex;

/// For one answer. The operators' page waits for it, and the application asks each service.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The page reloads itself, and each visitor has a page.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Of an index: some 300 services.
const MAX_BODY: usize = 256 * 1024;

/// What the index said last.
#[derive(Default)]
pub(super) struct RemoteComponents(Mutex<Found>);

#[derive(Default)]
struct Found {
    asked: Option<Instant>,
    components: Vec<ServedComponent>,
}

#[derive(Deserialize)]
struct Answer {
    data: Index,
}

#[derive(Deserialize)]
struct Index {
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    name: String,
    version: Option<String>,
}

impl RemoteComponents {
    /// Returns the services of the application at this URL. If it does not answer, they are those that it
    /// had before. `since` is when this process first saw the version.
    pub(super) async fn list(&self, application: &str) -> Vec<ServedComponent> {
        let mut found = self.0.lock().await;
        if found.asked.is_none_or(|asked| asked.elapsed() > MAX_AGE) {
            found.asked = Some(Instant::now());
            if let Some(services) = ask(application).await {
                found.replace(services);
            }
        }
        found.components.clone()
    }
}

impl Found {
    fn replace(&mut self, services: Vec<Service>) {
        let before = std::mem::take(&mut self.components);
        let now = SystemTime::now();
        let components = services.into_iter().map(|service| {
            let version = service.version.unwrap_or_default();
            let mut known = before.iter();
            let known = known.find(|one| one.name == service.name && one.version == version);
            ServedComponent {
                since: known.map_or(now, |one| one.since),
                name: service.name,
                application: "app".to_owned(),
                version,
                digest: None,
            }
        });
        self.components = components.collect();
    }
}

/// Asks for the index. `None` if there is no answer that can be read: the page shows the dependencies,
/// which say more.
async fn ask(application: &str) -> Option<Vec<Service>> {
    let client = Dispatch::http_client().ok()?;
    let request = client.get(application).timeout(TIMEOUT).send().await;
    let mut response = request.ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > MAX_BODY {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    let answer: Answer = serde_json::from_slice(&body).ok()?;
    Some(answer.data.services)
}
