//! How many messages each peer gets at once, and when. Pure logic, without a database or a peer.
//!
//! Each peer has a lane with a limited number of places, so a peer that hangs fills only its own. A peer
//! that fails several deliveries in a row is paused. After the pause one message tries whether it works
//! again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

/// Deliveries to one peer at once. They keep a peer busy, but leave capacity for its other callers.
const PLACES: usize = 8;

/// Messages are leased when this many places are free: one statement for several messages.
const FREE_PLACES: usize = PLACES / 2;

/// Failed deliveries in a row after which a peer is paused. A single message that its peer cannot process
/// does not delay the others.
const PATIENCE: u32 = 3;

/// Pause after the first failed delivery of a message, and first pause of a peer. It doubles up to
/// [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two deliveries of a message, or to a peer. A peer gets its messages within this
/// time after an outage.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The lanes of one component, by peer.
#[derive(Debug)]
pub(super) struct Lanes(BTreeMap<Arc<str>, Lane>);

/// The messages to one peer.
#[derive(Debug, Default)]
struct Lane {
    in_flight: usize,
    /// Failed deliveries since the last one that the peer answered.
    failures: u32,
    /// Pauses since then.
    pauses: u32,
    paused_until: Option<Instant>,
    /// Whether the table may have messages that are due.
    may_have_more: bool,
    /// When the next message is due, as far as it is known.
    due: Option<Instant>,
}

/// The end of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The peer accepted the message or rejected it for good.
    Answered,
    /// The message is delivered again after this pause.
    Failed(Duration),
}

/// A change that a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The peer is paused.
    Paused(Duration),
    /// The peer works again.
    Recovered,
}

impl Lanes {
    /// Creates a lane for each of `peers`. The first look at the table is due.
    pub(super) fn new(peers: &[String]) -> Self {
        let lane = || Lane {
            may_have_more: true,
            ..Lane::default()
        };
        Self(
            peers
                .iter()
                .map(|peer| (peer.as_str().into(), lane()))
                .collect(),
        )
    }

    /// Messages were stored, to any peer.
    pub(super) fn wake(&mut self) {
        for lane in self.0.values_mut() {
            lane.may_have_more = true;
        }
    }

    /// A message is due at `due`, to any peer.
    pub(super) fn wake_at(&mut self, due: Instant) {
        for lane in self.0.values_mut() {
            lane.due_at(due);
        }
    }

    /// The peers that may get messages now, each with the number of its free places.
    pub(super) fn wanted(&mut self, now: Instant) -> Vec<(Arc<str>, usize)> {
        let lanes = self.0.iter_mut();
        lanes
            .filter_map(|(peer, lane)| Some((peer.clone(), lane.wanted(now)?)))
            .collect()
    }

    /// `leased` messages to `peer` were found for `wanted` places.
    pub(super) fn leased(&mut self, peer: &str, wanted: usize, leased: usize) {
        if let Some(lane) = self.0.get_mut(peer) {
            lane.in_flight += leased;
            lane.may_have_more = leased >= wanted;
        }
    }

    /// A delivery to `peer` ended. `keyed` is whether another message may have waited for it.
    pub(super) fn ended(
        &mut self,
        peer: &str,
        keyed: bool,
        end: End,
        now: Instant,
    ) -> Option<Change> {
        let lane = self.0.get_mut(peer)?;
        lane.in_flight = lane.in_flight.saturating_sub(1);
        lane.may_have_more |= keyed;
        match end {
            End::Answered => lane.answered(),
            End::Failed(pause) => lane.failed(now + pause, now),
        }
    }

    /// When a lane that has free places may have messages that are due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let lanes = self.0.values();
        lanes.filter_map(Lane::next_due).min()
    }
}

impl Lane {
    fn due_at(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    fn places(&self) -> usize {
        if self.pauses > 0 { 1 } else { PLACES }
    }

    fn has_room(&self) -> bool {
        let free = self.places().saturating_sub(self.in_flight);
        free >= FREE_PLACES.min(self.places())
    }

    fn wanted(&mut self, now: Instant) -> Option<usize> {
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            self.may_have_more = true;
        }
        (self.may_have_more && self.has_room())
            .then(|| self.places().saturating_sub(self.in_flight))
    }

    fn answered(&mut self) -> Option<Change> {
        let paused = self.pauses > 0;
        (self.failures, self.pauses, self.paused_until) = (0, 0, None);
        self.may_have_more |= paused;
        paused.then_some(Change::Recovered)
    }

    fn failed(&mut self, due: Instant, now: Instant) -> Option<Change> {
        self.due_at(due);
        self.failures = self.failures.saturating_add(1);
        // The other deliveries that were in flight fail during the pause, and do not lengthen it.
        let pausing = self.paused_until.is_some_and(|until| now < until);
        if pausing || (self.pauses == 0 && self.failures < PATIENCE) {
            return None;
        }
        self.pauses = self.pauses.saturating_add(1);
        let pause = pause(self.pauses);
        self.paused_until = Some(now + pause);
        self.may_have_more = true;
        Some(Change::Paused(pause))
    }

    fn next_due(&self) -> Option<Instant> {
        if !self.has_room() {
            return None;
        }
        match (self.may_have_more, self.paused_until, self.due) {
            (true, Some(until), _) => Some(until),
            // Without a pause, `wanted` has returned the lane already.
            (true, None, _) => None,
            (false, paused, due) => due.map(|due| paused.map_or(due, |until| until.max(due))),
        }
    }
}

/// The pause after `failures` failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let bound = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    // Random between half of the bound and the bound, so that what failed at the same time is not repeated
    // at the same time.
    bound.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: End = End::Failed(Duration::from_secs(2));

    fn lanes() -> Lanes {
        Lanes::new(&["a".to_owned(), "b".to_owned()])
    }

    fn fill(lanes: &mut Lanes, peer: &str, now: Instant) {
        let wanted = lanes.wanted(now);
        let found = wanted.iter().find(|(name, _)| &**name == peer);
        let (_, places) = found.expect("a free lane");
        lanes.leased(peer, *places, *places);
    }

    fn wanted(lanes: &mut Lanes, peer: &str, now: Instant) -> Option<usize> {
        let wanted = lanes.wanted(now);
        let mut found = wanted.iter().filter(|(name, _)| &**name == peer);
        found.next().map(|(_, places)| *places)
    }

    #[test]
    fn a_full_lane_leaves_the_other_its_places() {
        let (mut lanes, now) = (lanes(), Instant::now());
        fill(&mut lanes, "a", now);
        assert_eq!(lanes.wanted(now), [("b".into(), PLACES)]);
        lanes.leased("b", PLACES, 0);
        assert_eq!(lanes.wanted(now), []);
        for _ in 0..FREE_PLACES {
            assert_eq!(lanes.wanted(now), []);
            lanes.ended("a", false, End::Answered, now);
        }
        assert_eq!(lanes.wanted(now), [("a".into(), FREE_PLACES)]);
        lanes.wake();
        assert_eq!(wanted(&mut lanes, "b", now), Some(PLACES));
    }

    #[test]
    fn a_failing_peer_is_paused_and_tried_with_one_message() {
        let (mut lanes, now) = (lanes(), Instant::now());
        fill(&mut lanes, "a", now);
        assert_eq!(lanes.ended("a", false, FAILED, now), None);
        assert_eq!(lanes.ended("a", false, FAILED, now), None);
        let paused = lanes.ended("a", false, FAILED, now);
        assert!(
            matches!(paused, Some(Change::Paused(pause)) if pause <= FIRST_PAUSE),
            "{paused:?}"
        );
        for _ in 3..PLACES {
            assert_eq!(lanes.ended("a", false, FAILED, now), None);
        }
        assert_eq!(wanted(&mut lanes, "a", now), None);
        let after = now + FIRST_PAUSE;
        assert!(lanes.next_due().is_some_and(|due| due <= after));
        assert_eq!(wanted(&mut lanes, "a", after), Some(1));
        lanes.leased("a", 1, 1);
        assert_eq!(wanted(&mut lanes, "a", after), None);
        let longer = lanes.ended("a", false, FAILED, after);
        assert!(matches!(longer, Some(Change::Paused(_))), "{longer:?}");
        let later = after + 2 * FIRST_PAUSE;
        assert_eq!(wanted(&mut lanes, "a", later), Some(1));
        lanes.leased("a", 1, 1);
        let end = lanes.ended("a", false, End::Answered, later);
        assert_eq!(end, Some(Change::Recovered));
        assert_eq!(wanted(&mut lanes, "a", later), Some(PLACES));
    }

    #[test]
    fn one_bad_message_does_not_pause_its_peer() {
        let (mut lanes, now) = (lanes(), Instant::now());
        for _ in 0..9 {
            fill(&mut lanes, "a", now);
            assert_eq!(lanes.ended("a", false, FAILED, now), None);
            for _ in 1..PLACES {
                assert_eq!(lanes.ended("a", false, End::Answered, now), None);
            }
        }
    }

    #[test]
    fn a_lane_without_messages_sleeps_until_one_is_due() {
        let (mut lanes, now) = (lanes(), Instant::now());
        lanes.leased("a", PLACES, 1);
        lanes.leased("b", PLACES, 0);
        assert_eq!(lanes.next_due(), None);
        lanes.ended("a", false, FAILED, now);
        let due = now + Duration::from_secs(2);
        assert_eq!(lanes.next_due(), Some(due));
        assert_eq!(lanes.wanted(now), []);
        assert_eq!(lanes.wanted(due), [("a".into(), PLACES)]);
        lanes.leased("a", PLACES, 1);
        // A message of the same key may have waited for this one.
        lanes.ended("a", true, End::Answered, due);
        assert_eq!(lanes.wanted(due), [("a".into(), PLACES)]);
    }

    #[test]
    fn pause_grows_to_a_limit() {
        assert!(pause(1) <= FIRST_PAUSE);
        assert!(pause(4) >= FIRST_PAUSE * 4);
        assert!(pause(1_000) <= LONGEST_PAUSE);
    }
}
