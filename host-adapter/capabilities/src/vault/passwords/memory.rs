//! The working memory of the hashes, kept between them.
//!
//! Asking the system for 19 MiB anew costs a quarter of a hash's time in page faults.

use std::sync::{Mutex, PoisonError};

use argon2::Block;

/// Memory that is waiting for the next hash. What one hash left in it the next overwrites.
pub(super) struct Memory {
    /// Blocks of a hash with today's parameters. Other sizes are rare and not kept.
    blocks: usize,
    /// At most one per thread.
    most: usize,
    idle: Mutex<Vec<Vec<Block>>>,
}

impl Memory {
    pub(super) fn new(blocks: usize, most: usize) -> Self {
        Self {
            blocks,
            most,
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
        if memory.len() == self.blocks && idle.len() < self.most {
            idle.push(memory);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        // No panic can leave a vector of buffers half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_todays_size_is_kept_up_to_the_limit() {
        let memory = Memory::new(8, 1);
        memory.give_back(vec![Block::default(); 8]);
        memory.give_back(vec![Block::default(); 8]);
        assert_eq!(memory.idle().len(), 1);
        assert_eq!(memory.take(8).len(), 8);
        assert!(memory.idle().is_empty());
    }

    #[test]
    fn memory_of_another_size_is_neither_kept_nor_handed_out() {
        let memory = Memory::new(8, 4);
        memory.give_back(vec![Block::default(); 16]);
        assert!(memory.idle().is_empty());
        memory.give_back(vec![Block::default(); 8]);
        assert_eq!(memory.take(16).len(), 16);
    }
}
