//! How often one client may try.
//!
//! The generic cell rate algorithm: for each client the time is kept at which all of its attempts will
//! have been paid for, at one per interval. It may be at most a minute ahead.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use quick_cache::unsync::Cache;

use super::client::Client;

/// How far a client may be ahead: this long, it need not have tried to try a minute's attempts at once.
const PERIOD: Duration = Duration::from_secs(60);

/// How many clients are remembered, at about 100 bytes each. A client that has more addresses can try
/// more often; the delays of single accounts hold for it nevertheless.
pub(super) const MAX_CLIENTS: usize = 10_000;

/// Counts attempts by client.
pub(super) struct Attempts {
    interval: Duration,
    /// When the attempts of a client are paid for.
    paid: Mutex<Cache<Client, Instant>>,
}

impl Attempts {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            interval: PERIOD / per_minute.max(1),
            paid: Mutex::new(Cache::new(MAX_CLIENTS)),
        }
    }

    /// Counts an attempt at `now`, or returns how long the client has to wait for it.
    pub(super) fn count(&self, client: Client, now: Instant) -> Result<(), Duration> {
        // A panic cannot leave the cache in an inconsistent state.
        let mut clients = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let before = clients.get(&client).copied();
        let paid = before.map_or(now, |paid| paid.max(now)) + self.interval;
        let ahead = paid.duration_since(now);
        if ahead > PERIOD {
            return Err(ahead - PERIOD);
        }
        clients.insert(client, paid);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> Client {
        let address = std::net::Ipv4Addr::from(number).to_string();
        Client::from_address(Some(&address))
    }

    #[test]
    fn a_minutes_attempts_may_come_at_once() {
        let (attempts, start) = (Attempts::new(4), Instant::now());
        for _ in 0..4 {
            assert_eq!(attempts.count(client(1), start), Ok(()));
        }
        let quarter = Duration::from_secs(15);
        for _ in 0..3 {
            assert_eq!(attempts.count(client(1), start), Err(quarter));
        }
        assert_eq!(attempts.count(client(2), start), Ok(()));
        assert_eq!(attempts.count(client(1), start + quarter), Ok(()));
        assert_eq!(attempts.count(client(1), start + quarter), Err(quarter));
        assert_eq!(attempts.count(client(1), start + 5 * PERIOD), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_a_busy_client_is_kept() {
        let (attempts, start) = (Attempts::new(1), Instant::now());
        assert!(attempts.count(client(0), start).is_ok());
        for number in 1..=3 * u32::try_from(MAX_CLIENTS).unwrap() {
            assert!(attempts.count(client(number), start).is_ok());
            assert!(attempts.count(client(0), start).is_err(), "{number}");
        }
        assert!(attempts.paid.lock().unwrap().len() <= MAX_CLIENTS);
    }
}
