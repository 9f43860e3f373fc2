//! Whether the clocks of this host and of PostgreSQL agree, and whether one of them was set.
//!
//! Tokens expire by the clock of the host, and PostgreSQL says by its own when a session ended. A query for the
//! sessions of the last minutes would miss some of them if one of the clocks was set meanwhile, and their tokens would
//! be accepted again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{Error, PgConnection};
use tokio::time::Instant;

/// A difference that is no larger is a delay.
const TOLERANCE: f64 = 5.0;

const READ: &str = "select extract(epoch from clock_timestamp())::float8";

/// Both clocks at one moment, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    at: Instant,
    host: f64,
    database: f64,
}

impl Clocks {
    pub(super) async fn read(
        connection: &mut PgConnection,
        host: fn() -> Duration,
    ) -> Result<Self, Error> {
        let database = sqlx::query_scalar(READ).fetch_one(connection).await?;
        Ok(Self {
            at: Instant::now(),
            host: host().as_secs_f64(),
            database,
        })
    }

    /// By how many seconds PostgreSQL's clock is ahead. Zero if it is behind.
    pub(super) fn lead(&self) -> f64 {
        (self.database - self.host).max(0.0)
    }

    /// Whether one of the clocks was set since `earlier`.
    pub(super) fn were_set_since(&self, earlier: &Self) -> bool {
        let passed = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        let was_set = |now: f64, before: f64| (now - before - passed).abs() > TOLERANCE;
        was_set(self.host, earlier.host) || was_set(self.database, earlier.database)
    }
}

/// The time since 1970; zero for a clock before that.
pub(super) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed() {
        let at = Instant::now();
        let later = |host: f64, database: f64| Clocks {
            at: at + Duration::from_secs(10),
            host: 1_000.0 + host,
            database: 2_000.0 + database,
        };
        let first = Clocks {
            at,
            host: 1_000.0,
            database: 2_000.0,
        };
        assert!(!later(10.0, 11.0).were_set_since(&first));
        assert!(later(3_610.0, 10.0).were_set_since(&first));
        assert!(later(10.0, -3_590.0).were_set_since(&first));
    }

    #[test]
    fn a_clock_of_the_database_may_be_ahead() {
        let of = |host, database| Clocks {
            at: Instant::now(),
            host,
            database,
        };
        assert!((of(10.0, 25.0).lead() - 15.0).abs() < 0.1);
        assert!(of(25.0, 10.0).lead() < 0.1);
    }
}
