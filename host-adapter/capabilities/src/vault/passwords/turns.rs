//! Places at the hashes, by turns.
//!
//! A hash is slow, so calls wait. Each client has a line of its own, and the lines get places one after
//! another: a client with a thousand calls waits for itself. When all waiting places are taken, a call of
//! a client with a shorter line takes the last place of the longest line.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::client::Client;

/// The places.
pub(super) struct Turns {
    /// How many calls may run.
    max_running: usize,
    /// How many more may wait.
    max_waiting: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: usize,
    next_id: u64,
    /// The first line is next. None is empty.
    lines: VecDeque<Line>,
}

struct Line {
    client: Client,
    calls: VecDeque<Call>,
}

struct Call {
    id: u64,
    /// Gives a place to the call. If it is dropped instead, the call is rejected.
    grant: oneshot::Sender<()>,
}

/// A place at the hashes, until it is dropped.
pub(super) struct Place(Arc<Turns>);

/// A call that waits for its turn. If it is dropped, it leaves its line.
struct Waiting {
    turns: Arc<Turns>,
    id: u64,
    granted: oneshot::Receiver<()>,
}

impl Turns {
    pub(super) fn new(max_running: usize, max_waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            max_running,
            max_waiting,
            state: Mutex::default(),
        })
    }

    /// Waits for a place. None if all waiting places are taken by clients that have no more of them than
    /// this one.
    pub(super) async fn place(self: &Arc<Self>, client: Client) -> Option<Place> {
        let mut waiting = {
            let mut state = self.lock();
            if state.running < self.max_running {
                state.running += 1;
                return Some(Place(self.clone()));
            }
            if state.waiting >= self.max_waiting && !state.make_room(client) {
                return None;
            }
            let (grant, granted) = oneshot::channel();
            let id = state.join(client, grant);
            let turns = self.clone();
            Waiting { turns, id, granted }
        };
        let granted = (&mut waiting.granted).await.is_ok();
        granted.then(|| Place(self.clone()))
    }

    /// Gives a place that has become free to the next call, if one waits.
    fn release(&self) {
        let mut state = self.lock();
        while let Some(call) = state.next_call() {
            if call.grant.send(()).is_ok() {
                return;
            }
        }
        state.running -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls run and wait.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        let state = self.lock();
        state.running + state.waiting
    }
}

impl State {
    /// Rejects the last call of the longest line, if it is longer than the client's line would become.
    fn make_room(&mut self, client: Client) -> bool {
        let mut lines = self.lines.iter();
        let own = lines.find(|line| line.client == client);
        let own = own.map_or(0, |line| line.calls.len());
        let longest = self.lines.iter_mut().max_by_key(|line| line.calls.len());
        let Some(longest) = longest.filter(|line| line.calls.len() > own + 1) else {
            return false;
        };
        self.waiting -= usize::from(longest.calls.pop_back().is_some());
        true
    }

    /// Adds a call to the line of its client, and returns the call's id.
    fn join(&mut self, client: Client, grant: oneshot::Sender<()>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.waiting += 1;
        let call = Call { id, grant };
        match self.lines.iter_mut().find(|line| line.client == client) {
            Some(line) => line.calls.push_back(call),
            None => self.lines.push_back(Line {
                client,
                calls: VecDeque::from([call]),
            }),
        }
        id
    }

    /// The next call: the first of the first line, which goes to the end.
    fn next_call(&mut self) -> Option<Call> {
        let mut line = self.lines.pop_front()?;
        let call = line.calls.pop_front();
        self.waiting -= usize::from(call.is_some());
        if !line.calls.is_empty() {
            self.lines.push_back(line);
        }
        call
    }

    /// Removes a call, if it still waits.
    fn leave(&mut self, id: u64) {
        for line in &mut self.lines {
            let before = line.calls.len();
            line.calls.retain(|call| call.id != id);
            self.waiting -= before - line.calls.len();
        }
        self.lines.retain(|line| !line.calls.is_empty());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.turns.lock().leave(self.id);
        // It was granted a place in the moment in which its caller stopped waiting.
        if self.granted.try_recv().is_ok() {
            self.turns.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What became of the calls, by their names, in order.
    type Outcomes = Arc<Mutex<Vec<(&'static str, bool)>>>;

    /// Occupies the only place, and lets the calls `client-number` wait in this order. Returns them in the
    /// order in which they were rejected or got a place, and whether they got one.
    async fn run(waiting: usize, calls: &[&'static str]) -> Vec<(&'static str, bool)> {
        let (turns, outcomes) = (Turns::new(1, waiting), Outcomes::default());
        let busy = turns.place(Client::from_address(None)).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for &name in calls {
            let (turns, outcomes) = (turns.clone(), outcomes.clone());
            tasks.spawn(async move {
                let (number, _) = name.split_once('-').unwrap();
                let address = format!("192.0.2.{number}");
                let place = turns.place(Client::from_address(Some(&address))).await;
                outcomes.lock().unwrap().push((name, place.is_some()));
            });
            tokio::task::yield_now().await;
        }
        drop(busy);
        tasks.join_all().await;
        assert_eq!(turns.taken(), 0);
        outcomes.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn clients_take_turns() {
        let order = run(8, &["1-a", "1-b", "1-c", "2-a", "3-a", "2-b"]).await;
        let order: Vec<_> = order.into_iter().map(|(name, _)| name).collect();
        assert_eq!(order, ["1-a", "2-a", "3-a", "1-b", "2-b", "1-c"]);
    }

    #[tokio::test]
    async fn one_client_cannot_take_all_waiting_places() {
        let calls = ["1-a", "1-b", "1-c", "1-d", "1-e", "2-a", "2-b", "2-c"];
        let outcomes = run(4, &calls).await;
        let (granted, rejected): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, got)| *got);
        let names = |list: Vec<&(&'static str, bool)>| -> Vec<_> {
            list.into_iter().map(|(name, _)| *name).collect()
        };
        // The line of client 1 is full at `1-e`, loses two places to client 2, and then both are as long.
        assert_eq!(names(rejected), ["1-e", "1-d", "1-c", "2-c"]);
        assert_eq!(names(granted), ["1-a", "2-a", "1-b", "2-b"]);
    }

    #[tokio::test]
    async fn a_call_that_stops_waiting_leaves_its_place() {
        let turns = Turns::new(1, 2);
        let client = Client::from_address(None);
        let busy = turns.place(client).await.unwrap();
        let wait = || {
            let turns = turns.clone();
            tokio::spawn(async move { turns.place(client).await })
        };
        let (first, second) = (wait(), wait());
        tokio::task::yield_now().await;
        assert_eq!(turns.taken(), 3);
        first.abort();
        assert!(first.await.is_err());
        assert_eq!(turns.taken(), 2);
        // The place is granted, but not taken: the task does not run before it is aborted.
        drop(busy);
        second.abort();
        assert!(second.await.is_err());
        assert_eq!(turns.taken(), 0);
        assert!(turns.place(client).await.is_some());
    }
}
