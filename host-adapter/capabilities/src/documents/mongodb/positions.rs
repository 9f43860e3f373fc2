//! The positions of documents: the readings of a clock on which all adapters agree.
//!
//! The clock is not that of any machine. It goes on in the document `clock` of the database, at the rate of
//! each adapter's monotonic clock, so a clock of a machine that is set changes nothing. The adapters
//! agree every few seconds, and differ by less. An insert is stored within the time limit of a call, so
//! a position that lies further back than both is settled.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mongodb::{
    Database,
    bson::{Document, doc},
    error::Error as DriverError,
    options::ReturnDocument,
};

use super::super::{Collection, Error};
use super::MongoDb;
use super::connection::Connection;

/// How long a clock is used before it is compared with that of the others.
const AGREEMENT: Duration = Duration::from_secs(5);

/// Maximum time of that comparison. This clock is behind the others by as much, and by what passes until the
/// next one.
const COMPARISON: Duration = Duration::from_secs(2);

/// What may pass between the moment when a position is given and the moment when its command begins.
const MARGIN: Duration = Duration::from_secs(2);

/// A clock in microseconds that never goes back.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(Arc<Mutex<Clock>>);

#[derive(Debug, Default)]
struct Clock {
    /// The time on the agreed clock, and when this process learned it.
    agreed: Option<(i64, Instant)>,
    last: i64,
}

impl Clock {
    fn now(&mut self, instant: Instant) -> i64 {
        let now = self.agreed.map_or(0, |(agreed, at)| {
            agreed.saturating_add(microseconds(instant.saturating_duration_since(at)))
        });
        self.last = self.last.max(now);
        self.last
    }

    /// Goes on from `agreed`, which the common clock showed at `instant` or before. So this clock may be
    /// behind the others, for which they allow, but not ahead, which would hide their documents.
    fn agree(&mut self, agreed: i64, instant: Instant) {
        let own = self.now(instant);
        self.agreed = Some((agreed.max(own), instant));
    }

    fn is_agreed(&self, instant: Instant) -> bool {
        let age = |(_, at): (i64, Instant)| instant.saturating_duration_since(at);
        self.agreed.map(age).is_some_and(|age| age < AGREEMENT)
    }
}

impl Positions {
    /// Compares the clock with that of the other adapters, if it was not done lately.
    pub(super) async fn agree(&self, connection: &Connection) -> Result<(), Error> {
        let asked = Instant::now();
        let own = {
            let mut clock = self.lock();
            if clock.is_agreed(asked) {
                return Ok(());
            }
            clock.agreed.is_some().then(|| clock.now(asked))
        };
        let agreed = connection
            .run(move |database| async move { exchange(&database, own).await })
            .await?;
        let answered = Instant::now();
        if answered.saturating_duration_since(asked) > COMPARISON {
            let why = "MongoDB answers too slowly to order documents; try again later";
            return Err(Error::Unavailable(why.to_owned()));
        }
        self.lock().agree(agreed, answered);
        Ok(())
    }

    /// Returns the position of what is stored next. The caller must have called [`Positions::agree`].
    pub(super) fn next(&self) -> i64 {
        self.lock().now(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MongoDb {
    pub(in crate::documents) async fn settled_position(&self) -> Result<u64, Error> {
        self.positions.agree(&self.connection).await?;
        let unsettled = self.connection.longest_call() + AGREEMENT + COMPARISON + MARGIN;
        let settled = self.positions.next() - microseconds(unsettled);
        Ok(u64::try_from(settled).unwrap_or_default())
    }
}

/// Raises the common clock to `own`, and returns what it shows. The first adapter starts it with its own
/// time of day, which no later one looks at.
async fn exchange(database: &Database, own: Option<i64>) -> Result<i64, DriverError> {
    let update = match own {
        Some(own) => doc! { "$max": { "at": own } },
        None => doc! { "$setOnInsert": { "at": time_of_day() } },
    };
    let clock = database
        .collection::<Document>(Collection::positions().as_str())
        .find_one_and_update(doc! { "_id": "clock" }, update)
        .upsert(true)
        .return_document(ReturnDocument::After)
        .await?;
    let at = clock.and_then(|clock| clock.get_i64("at").ok());
    Ok(at.unwrap_or_default())
}

fn time_of_day() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, microseconds)
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_from_the_agreed_time_and_never_back() {
        let (mut clock, start) = (Clock::default(), Instant::now());
        assert!(!clock.is_agreed(start));
        clock.agree(1_000, start);
        assert!(clock.is_agreed(start));
        let later = start + Duration::from_millis(3);
        assert_eq!(clock.now(later), 4_000);
        clock.agree(2_000, later);
        assert_eq!(clock.now(later), 4_000);
        clock.agree(9_000, later);
        assert_eq!(clock.now(later), 9_000);
        assert_eq!(clock.now(start), 9_000);
        assert!(!clock.is_agreed(later + AGREEMENT));
    }
}
