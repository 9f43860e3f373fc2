//! The lines that wait for an output, bounded in bytes.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::line::{Author, Line};

/// Most bytes that an output takes at once. A larger batch would hold the memory of more lines until
/// the last is written.
const BATCH: usize = 256 << 10;

/// The lines that wait for one output.
///
/// The lines of components share it fairly: one may take what all together leave free. A component that
/// logs without end gets half of the queue, two of them a third each, and there is always room left
/// for the lines of the others and of the adapter.
pub(crate) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    /// A line arrived, or the queue was closed.
    arrived: Condvar,
    /// A batch was written.
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Line>>,
    /// Bytes of the lines that wait or are being written.
    bytes: usize,
    /// The part of them that components wrote.
    shares: HashMap<String, usize>,
    /// Lines that did not fit, by component.
    lost: BTreeMap<String, u64>,
    /// Lines that are being written.
    writing: usize,
    is_closed: bool,
}

/// What an output writes at once.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<Arc<Line>>,
    /// Lines that did not fit into the queue, by component, since the last batch.
    pub(crate) lost: BTreeMap<String, u64>,
}

impl Queue {
    /// `capacity` is in bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
            arrived: Condvar::new(),
            written: Condvar::new(),
        }
    }

    /// Adds a line, or counts it as lost. At the end of the process nothing is written any more.
    pub(crate) fn push(&self, line: &Arc<Line>) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        if state.has_room(line, self.capacity) {
            state.hold(line);
            state.waiting.push_back(line.clone());
        } else {
            *state.lost.entry(line.component.clone()).or_default() += 1;
        }
        self.arrived.notify_one();
    }

    /// Waits for lines, and takes them. `previous` has been written. Returns `None` when the queue is
    /// closed and nothing waits.
    pub(crate) fn take(&self, previous: &Batch) -> Option<Batch> {
        let mut state = self.lock();
        for line in &previous.lines {
            state.release(line);
        }
        state.writing = 0;
        self.written.notify_all();
        while state.waiting.is_empty() && state.lost.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let batch = state.batch();
        state.writing = batch.lines.len() + batch.lost.len();
        Some(batch)
    }

    /// Waits until everything is written, at most for `limit`. Returns whether it is.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let busy = |state: &mut State| {
            state.writing > 0 || !state.waiting.is_empty() || !state.lost.is_empty()
        };
        let state = self.written.wait_timeout_while(self.lock(), limit, busy);
        !state.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Ends the output when it has written what waits.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// How many lines are not written yet.
    pub(crate) fn unwritten(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.writing
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No panic leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, line: &Line, capacity: usize) -> bool {
        let free = capacity.saturating_sub(self.bytes);
        let own = match line.author {
            Author::Adapter => 0,
            Author::Guest => self.shares.get(&line.component).copied().unwrap_or(0),
        };
        own.saturating_add(line.size()) <= free
    }

    fn hold(&mut self, line: &Line) {
        self.bytes += line.size();
        if line.author == Author::Guest {
            *self.shares.entry(line.component.clone()).or_default() += line.size();
        }
    }

    fn release(&mut self, line: &Line) {
        self.bytes = self.bytes.saturating_sub(line.size());
        if line.author == Author::Guest
            && let Some(share) = self.shares.get_mut(&line.component)
        {
            *share = share.saturating_sub(line.size());
            if *share == 0 {
                self.shares.remove(&line.component);
            }
        }
    }

    fn batch(&mut self) -> Batch {
        let mut bytes = 0;
        let fits = |line: &&Arc<Line>| {
            bytes += line.size();
            bytes <= BATCH
        };
        let count = self.waiting.iter().take_while(fits).count().max(1);
        let count = count.min(self.waiting.len());
        Batch {
            lines: self.waiting.drain(..count).collect(),
            lost: std::mem::take(&mut self.lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogLevel;

    fn line(component: &str, author: Author) -> Arc<Line> {
        let mut line = Line::new(LogLevel::Info, component, "x".repeat(1_000));
        line.author = author;
        Arc::new(line)
    }

    #[test]
    fn a_chatty_component_leaves_room_for_the_others() {
        let (chatty, other) = (line("chatty", Author::Guest), line("other", Author::Guest));
        let queue = Queue::new(chatty.size() * 100);
        for _ in 0..1_000 {
            queue.push(&chatty);
        }
        assert_eq!(queue.unwritten(), 50);
        for _ in 0..10 {
            queue.push(&other);
            queue.push(&line("chatty", Author::Adapter));
        }
        let batch = queue.take(&Batch::default()).unwrap();
        assert_eq!(batch.lost, BTreeMap::from([("chatty".to_owned(), 950)]));
        assert_eq!(batch.lines.len(), 70);
    }

    #[test]
    fn room_is_free_again_when_a_batch_is_written() {
        let line = line("a", Author::Adapter);
        let queue = Queue::new(line.size() * 2);
        for _ in 0..3 {
            queue.push(&line);
        }
        let batch = queue.take(&Batch::default()).unwrap();
        assert_eq!((batch.lines.len(), batch.lost.len()), (2, 1));
        // Lines that are being written take room, too.
        queue.push(&line);
        assert_eq!(queue.unwritten(), 3);
        let batch = queue.take(&batch).unwrap();
        assert_eq!((batch.lines.len(), batch.lost["a"]), (0, 1));
        queue.close();
        assert!(queue.take(&batch).is_none());
    }
}
