//! Working memory that hashes reuse.
//!
//! Allocating 19 MiB for each hash costs a quarter of the hash's time in page faults. Keeping it for good would cost
//! a process 19 MiB per thread long after its last login.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use argon2::Block;

/// How long buffers are kept without a hash. A service with one login every few seconds keeps them.
const MAX_IDLE_TIME: Duration = Duration::from_secs(10);

/// Idle buffers for the next hashes. Each hash overwrites the content of its buffer.
pub(super) struct MemoryPool {
    /// The size of a buffer for the current parameters. Buffers of other sizes are rare and not kept.
    blocks: usize,
    /// One per thread.
    max_idle: usize,
    state: Mutex<State>,
}

struct State {
    idle: Vec<Vec<Block>>,
    used: Instant,
    /// Whether a task waits to free the buffers.
    is_watched: bool,
}

impl MemoryPool {
    pub(super) fn new(blocks: usize, max_idle: usize) -> Self {
        let state = State {
            idle: Vec::new(),
            used: Instant::now(),
            is_watched: false,
        };
        Self {
            blocks,
            max_idle,
            state: Mutex::new(state),
        }
    }

    pub(super) fn take(&self, blocks: usize) -> Vec<Block> {
        let kept = if blocks == self.blocks {
            self.state().idle.pop()
        } else {
            None
        };
        kept.unwrap_or_else(|| vec![Block::default(); blocks])
    }

    pub(super) fn give_back(&self, memory: Vec<Block>) {
        let mut state = self.state();
        state.used = Instant::now();
        if memory.len() == self.blocks && state.idle.len() < self.max_idle {
            state.idle.push(memory);
        }
    }

    /// Frees the buffers when no hash has used one for [`MAX_IDLE_TIME`]. Returns at once if another task does.
    pub(super) async fn free_when_idle(self: Arc<Self>) {
        if std::mem::replace(&mut self.state().is_watched, true) {
            return;
        }
        while let Some(wait) = self.free_or_wait(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Frees the buffers, or returns how long to wait before the next attempt.
    fn free_or_wait(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        let idle = now.saturating_duration_since(state.used);
        let wait = MAX_IDLE_TIME
            .checked_sub(idle)
            .filter(|wait| !wait.is_zero());
        if wait.is_none() {
            state.idle = Vec::new();
            state.is_watched = false;
        }
        wait
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn buffers_of_current_size_are_kept_up_to_the_limit() {
        let memory = MemoryPool::new(8, 1);
        memory.give_back(vec![Block::default(); 8]);
        memory.give_back(vec![Block::default(); 8]);
        assert_eq!(memory.state().idle.len(), 1);
        assert_eq!(memory.take(8).len(), 8);
        assert!(memory.state().idle.is_empty());
    }

    #[test]
    fn buffers_of_another_size_are_not_kept() {
        let memory = MemoryPool::new(8, 4);
        memory.give_back(vec![Block::default(); 16]);
        assert!(memory.state().idle.is_empty());
        memory.give_back(vec![Block::default(); 8]);
        assert_eq!(memory.take(16).len(), 16);
    }

    #[test]
    fn buffers_are_freed_when_they_are_not_used_for_long() {
        let memory = MemoryPool::new(8, 1);
        memory.give_back(vec![Block::default(); 8]);
        let used = memory.state().used;
        let second = Duration::from_secs(1);
        assert_eq!(
            memory.free_or_wait(used + MAX_IDLE_TIME - second),
            Some(second)
        );
        assert_eq!(memory.state().idle.len(), 1);
        assert_eq!(memory.free_or_wait(used + MAX_IDLE_TIME), None);
        assert!(memory.state().idle.is_empty());
    }

    #[tokio::test]
    async fn one_task_at_a_time_frees_the_buffers() {
        let memory = Arc::new(MemoryPool::new(8, 1));
        memory.give_back(vec![Block::default(); 8]);
        let first = tokio::spawn(Arc::clone(&memory).free_when_idle());
        tokio::task::yield_now().await;
        assert!(memory.state().is_watched);
        let second = Arc::clone(&memory).free_when_idle().now_or_never();
        assert!(second.is_some());
        first.abort();
    }
}
