//! Working memory that hashes reuse.
//!
//! Allocating 19 MiB for each hash costs a quarter of the hash's time in page faults.

use std::sync::{Mutex, PoisonError};

use argon2::Block;

/// Idle buffers for the next hashes. Each hash overwrites the content of its buffer.
pub(super) struct MemoryPool {
    /// The size of a buffer for the current parameters. Buffers of other sizes are rare and not kept.
    blocks: usize,
    /// One per thread.
    max_idle: usize,
    idle: Mutex<Vec<Vec<Block>>>,
}

impl MemoryPool {
    pub(super) fn new(blocks: usize, max_idle: usize) -> Self {
        Self {
            blocks,
            max_idle,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn take(&self, blocks: usize) -> Vec<Block> {
        let kept = if blocks == self.blocks {
            self.idle().pop()
        } else {
            None
        };
        kept.unwrap_or_else(|| vec![Block::default(); blocks])
    }

    pub(super) fn give_back(&self, memory: Vec<Block>) {
        let mut idle = self.idle();
        if memory.len() == self.blocks && idle.len() < self.max_idle {
            idle.push(memory);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        // A panic cannot leave the vector in an inconsistent state.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_current_size_are_kept_up_to_the_limit() {
        let memory = MemoryPool::new(8, 1);
        memory.give_back(vec![Block::default(); 8]);
        memory.give_back(vec![Block::default(); 8]);
        assert_eq!(memory.idle().len(), 1);
        assert_eq!(memory.take(8).len(), 8);
        assert!(memory.idle().is_empty());
    }

    #[test]
    fn buffers_of_another_size_are_not_kept() {
        let memory = MemoryPool::new(8, 4);
        memory.give_back(vec![Block::default(); 16]);
        assert!(memory.idle().is_empty());
        memory.give_back(vec![Block::default(); 8]);
        assert_eq!(memory.take(16).len(), 16);
    }
}
