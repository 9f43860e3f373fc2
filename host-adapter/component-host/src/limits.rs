//! What limits the requests in flight.

use std::{net::IpAddr, sync::Arc};

use adapter_listening::PerClient;
use tokio::sync::Semaphore;

use super::{
    HostSettings,
    work::{Active, Counted},
};

/// The limits of one listener. The threads share them.
#[derive(Clone)]
pub(super) struct Limits {
    requests: Arc<Semaphore>,
    per_client: Arc<PerClient>,
}

impl Limits {
    pub(super) fn new(settings: &HostSettings) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(settings.max_requests)),
            per_client: PerClient::new(settings.max_requests_per_client),
        }
    }

    /// Counts a request of the client at `address`. `None` if there are too many, of all or of this client,
    /// unless many clients share the address.
    pub(super) fn enter(
        &self,
        address: IpAddr,
        is_shared: bool,
        active: Active,
    ) -> Option<Counted> {
        let place = self.per_client.enter(address);
        if place.is_none() && !is_shared {
            return None;
        }
        let permit = self.requests.clone().try_acquire_owned().ok()?;
        Some(Counted::new(active, permit, place))
    }
}
