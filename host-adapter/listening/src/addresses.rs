//! How much one client may take of what all share.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts what each client holds, up to a limit.
#[derive(Debug)]
pub struct PerClient {
    limit: usize,
    /// Without those that hold nothing, so that it has no more entries than there are places.
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// What a client holds until it is dropped.
#[derive(Debug)]
pub struct Place {
    counts: Arc<PerClient>,
    client: IpAddr,
}

impl PerClient {
    /// Each client may hold `limit` places.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: Mutex::default(),
        })
    }

    /// A place for the client at `address`, or `None` above the limit.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let client = client(address);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place {
            counts: self.clone(),
            client,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let held = &self.counts.held;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or a network of 64 bits in IPv6. Providers assign such
/// networks to single customers, who choose among their addresses.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_holds_at_most_its_limit() {
        let counts = PerClient::new(1);
        let enter = |address: &str| counts.enter(address.parse().unwrap());
        let first = enter("192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("::ffff:192.0.2.1").is_none());
        let _other = enter("192.0.2.2").unwrap();
        drop(first);
        let _again = enter("192.0.2.1").unwrap();
        let _network = enter("2001:db8::1").unwrap();
        assert!(enter("2001:db8::2").is_none());
        assert!(enter("2001:db8:0:1::1").is_some());
        assert_eq!(counts.held.lock().unwrap().len(), 3);
    }
}
