//! Which files have changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::ModifyKind,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::sources::Sources;

/// A change is complete when nothing follows for this long. Editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// The longest wait for quiet.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Paths that wait. Beyond it, everything counts as changed.
const MAX_WAITING: usize = 4_096;

/// Changes of the watched files.
pub(super) struct Events {
    watcher: RecommendedWatcher,
    paths: mpsc::Receiver<PathBuf>,
    /// Some paths did not fit.
    lost: Arc<AtomicBool>,
    watched: BTreeMap<PathBuf, RecursiveMode>,
}

impl Events {
    pub(super) fn new() -> anyhow::Result<Self> {
        let (sender, paths) = mpsc::channel(MAX_WAITING);
        let lost = Arc::new(AtomicBool::new(false));
        let watcher = notify::recommended_watcher({
            let lost = lost.clone();
            move |event: notify::Result<Event>| match event {
                Ok(event) => send(event, &sender, &lost),
                Err(error) => tracing::warn!("watching files failed: {error}"),
            }
        });
        Ok(Self {
            watcher: watcher.context("watching files")?,
            paths,
            lost,
            watched: BTreeMap::new(),
        })
    }

    /// Watches the directories of `sources` that exist and are not watched yet.
    pub(super) fn watch(&mut self, sources: &Sources) -> anyhow::Result<()> {
        // A directory that was removed loses its watch, and may be there again.
        self.watched.retain(|path, _| path.is_dir());
        for (path, mode) in sources.directories() {
            if !path.is_dir() || self.watched.get(&path) == Some(&mode) {
                continue;
            }
            self.watcher.watch(&path, mode).with_context(|| {
                format!(
                    "watching `{}` (a limit of Linux is `fs.inotify.max_user_watches`)",
                    path.display()
                )
            })?;
            self.watched.insert(path, mode);
        }
        Ok(())
    }

    /// Whether something has changed already.
    pub(super) fn are_waiting(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Waits for a change to be complete, and returns the paths. `None` if the watcher has ended.
    pub(super) async fn next(&mut self) -> Option<Vec<PathBuf>> {
        let mut paths = BTreeSet::from([self.paths.recv().await?]);
        let start = Instant::now();
        while start.elapsed() < MAX_WAIT
            && let Ok(Some(path)) = timeout(QUIET, self.paths.recv()).await
        {
            paths.insert(path);
        }
        if self.lost.swap(false, Ordering::Relaxed) {
            paths.extend(self.watched.keys().cloned());
        }
        Some(paths.into_iter().collect())
    }
}

fn send(event: Event, paths: &mpsc::Sender<PathBuf>, lost: &AtomicBool) {
    // Reading a file and changing its times or permissions changes nothing that a build sees.
    let ignored = matches!(
        event.kind,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_))
    );
    let full = |path| paths.try_send(path).is_err();
    if event.need_rescan() || (!ignored && event.paths.into_iter().any(full)) {
        lost.store(true, Ordering::Relaxed);
    }
}
