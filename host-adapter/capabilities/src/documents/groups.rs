//! Inserts of one collection that arrive together are written together: one statement, one commit.
//!
//! A commit waits for the disk, and a statement costs PostgreSQL more than a document. While one group is
//! written, later inserts wait and become the next group. Each caller gets the outcomes of its own
//! documents. If a group fails, its inserts are repeated one by one, so that a document which the store
//! rejects fails only the call that has it.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use adapter_telemetry::traces::InScope as _;
use tokio::sync::oneshot;

use super::{Collection, Document, Error, InsertOutcome, Store};

/// Groups of one collection that are written at the same time. More would make the groups smaller.
const MAX_WRITERS: usize = 2;

/// How long a group is written before another one is sent beside it. Groups take some milliseconds. The other one
/// keeps inserts going on a slow disk, and when a group waits for a lock.
const PATIENCE: Duration = Duration::from_millis(20);

/// Maximum number of documents in a group of several calls, so that no call waits long for others'
/// documents.
const MAX_DOCUMENTS: usize = 256;

/// The inserts that wait, by collection. Each serving thread has its own, as it has its own connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups(Arc<Mutex<HashMap<Collection, Queue>>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    writers: usize,
    /// When the latest group was begun.
    begun: Option<Instant>,
}

impl Queue {
    /// Whether what waits should be written without waiting for the groups before it.
    fn needs_writer(&self, now: Instant) -> bool {
        if self.waiting.is_empty() || self.writers == MAX_WRITERS {
            return false;
        }
        let is_late = |begun| now.saturating_duration_since(begun) >= PATIENCE;
        self.writers == 0 || self.begun.is_some_and(is_late)
    }
}

#[derive(Debug)]
struct Waiting {
    documents: Vec<Document>,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Vec<InsertOutcome>, Error>;

impl Groups {
    /// Inserts documents, together with those of other calls. If the future is dropped, the documents may
    /// still be stored.
    pub(super) async fn insert(
        &self,
        store: &Store,
        collection: &Collection,
        documents: Vec<Document>,
    ) -> Answer {
        let (answer, mut outcome) = oneshot::channel();
        self.enqueue(collection, Waiting { documents, answer });
        loop {
            if let Some(writer) = self.start_writer(collection, Instant::now()) {
                let writing = writer.run(store.clone());
                drop(tokio::spawn(writing.in_current_scope()));
            }
            // If it takes longer, another writer may be needed.
            if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut outcome).await {
                let aborted = |_| Err(Error::Unavailable("the insert was aborted".to_owned()));
                return outcome.unwrap_or_else(aborted);
            }
        }
    }

    fn enqueue(&self, collection: &Collection, insert: Waiting) {
        let mut queues = self.lock();
        let queue = queues.entry(collection.clone()).or_default();
        queue.waiting.push(insert);
    }

    /// Returns a new writer if there are too few.
    fn start_writer(&self, collection: &Collection, now: Instant) -> Option<Writer> {
        let mut queues = self.lock();
        let queue = queues.get_mut(collection)?;
        if !queue.needs_writer(now) {
            return None;
        }
        queue.writers += 1;
        queue.begun = Some(now);
        Some(Writer {
            groups: self.clone(),
            collection: collection.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Collection, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes groups until no insert waits.
struct Writer {
    groups: Groups,
    collection: Collection,
}

impl Writer {
    async fn run(self, store: Store) {
        loop {
            let group = self.next_group();
            if group.is_empty() {
                return;
            }
            write(&store, &self.collection, group).await;
        }
    }

    fn next_group(&self) -> Vec<Waiting> {
        let mut queues = self.groups.lock();
        let Some(queue) = queues.get_mut(&self.collection) else {
            return Vec::new();
        };
        queue.begun = Some(Instant::now());
        let later = queue.waiting.split_off(group_size(&queue.waiting));
        mem::replace(&mut queue.waiting, later)
    }
}

/// Lets the next insert start another writer, also if the task of this one was aborted.
impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(queue) = self.groups.lock().get_mut(&self.collection) {
            queue.writers = queue.writers.saturating_sub(1);
        }
    }
}

/// Returns how many inserts form the next group: at least one.
fn group_size(waiting: &[Waiting]) -> usize {
    let mut documents = 0;
    let fits = |insert: &&Waiting| {
        documents += insert.documents.len();
        documents <= MAX_DOCUMENTS
    };
    let inserts = waiting.iter().take_while(fits).count();
    inserts.max(usize::from(!waiting.is_empty()))
}

async fn write(store: &Store, collection: &Collection, group: Vec<Waiting>) {
    if group.len() == 1 {
        return write_each(store, collection, group).await;
    }
    let documents: Vec<&Document> = group.iter().flat_map(|insert| &insert.documents).collect();
    match store.insert(collection, &documents).await {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            for insert in group {
                let own = outcomes.by_ref().take(insert.documents.len());
                // A caller that was dropped does not need its answer.
                let _ = insert.answer.send(Ok(own.collect()));
            }
        }
        // The store may be slow: repeating the inserts would make it slower.
        Err(Error::Timeout) => {
            for insert in group {
                let _ = insert.answer.send(Err(Error::Timeout));
            }
        }
        Err(_) => write_each(store, collection, group).await,
    }
}

/// Writes each insert alone, at the same time.
async fn write_each(store: &Store, collection: &Collection, group: Vec<Waiting>) {
    let inserts = group.into_iter().map(async |insert| {
        let documents: Vec<&Document> = insert.documents.iter().collect();
        let outcomes = store.insert(collection, &documents).await;
        let _ = insert.answer.send(outcomes);
    });
    futures_util::future::join_all(inserts).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(documents: usize) -> Waiting {
        let document = |n: usize| Document::parse(&format!(r#"{{"_id":"{n}"}}"#)).unwrap();
        Waiting {
            documents: (0..documents).map(document).collect(),
            answer: oneshot::channel().0,
        }
    }

    #[test]
    fn a_group_is_limited_and_never_empty() {
        assert_eq!(group_size(&[]), 0);
        assert_eq!(group_size(&[waiting(1), waiting(1)]), 2);
        assert_eq!(group_size(&[waiting(MAX_DOCUMENTS + 1), waiting(1)]), 1);
        let full = [waiting(MAX_DOCUMENTS - 1), waiting(1), waiting(1)];
        assert_eq!(group_size(&full), 2);
    }

    #[test]
    fn an_insert_starts_a_writer_until_there_are_enough() {
        let groups = Groups::default();
        let events = Collection::new("events").unwrap();
        let now = Instant::now();
        let start = |now| groups.start_writer(&events, now);
        assert!(start(now).is_none(), "nothing waits");
        groups.enqueue(&events, waiting(1));
        let first = start(now);
        assert!(first.is_some());
        assert!(start(now + PATIENCE / 2).is_none());
        let second = start(now + PATIENCE);
        assert!(second.is_some());
        assert!(start(now + PATIENCE * 3).is_none());
        drop(second);
        // The second one had begun later than the first.
        assert!(start(now + PATIENCE * 3 / 2).is_none());
        drop(first);
        assert_eq!(groups.lock()[&events].writers, 0);
        assert!(start(now).is_some());
    }
}
