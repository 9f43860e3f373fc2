//! `up --watch`: builds a component when one of its files changes, and swaps it.
//!
//! The table `component.<id>.build` of the manifest, which Spin uses as well, lists a component's sources
//! and its build command. Changed manifests, settings and migrations are taken up by a reload.

mod build;
mod contents;
mod events;
mod sources;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use tokio_util::sync::CancellationToken;

use super::reloader::Reloader;
use contents::Contents;
use events::Events;
use sources::{Change, Sources};

/// Builds of a component in a row that begin with a change made during the previous one. A build that
/// changes its own sources would go on forever otherwise.
const MAX_STREAK: usize = 5;

/// Watches the files of one project.
pub(super) struct Watch {
    reloader: Reloader,
    sources: Sources,
    events: Events,
    contents: Contents,
    /// How many builds of a component began with a change made during the previous one.
    streaks: BTreeMap<String, usize>,
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// A manifest is not valid, or the system cannot watch that many files.
    pub(super) fn start(reloader: Reloader) -> anyhow::Result<Self> {
        let sources = Sources::read(&reloader.invocation())?;
        let mut events = Events::new()?;
        events.watch(&sources)?;
        Ok(Self {
            reloader,
            sources,
            events,
            contents: Contents::default(),
            streaks: BTreeMap::new(),
        })
    }

    /// Builds and swaps until `shutdown` is cancelled. A build in progress is stopped then.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        tracing::info!("watching {} components for changes", self.sources.len());
        let work = async {
            loop {
                let at_once = self.events.are_waiting();
                let Some(paths) = self.events.next().await else {
                    break;
                };
                self.handle(paths, at_once).await;
            }
        };
        tokio::select! {
            () = work => tracing::error!("the files are not watched any more"),
            () = shutdown.cancelled() => {}
        }
    }

    /// `at_once`: the files have changed during the previous builds.
    async fn handle(&mut self, paths: Vec<PathBuf>, at_once: bool) {
        let seen = Instant::now();
        let Self {
            sources, contents, ..
        } = self;
        let mut change = Change::default();
        for path in paths {
            // A file that was saved unchanged does not need a build, nor does a second event of one change.
            if sources.knows(&path) && contents.changed(&path) {
                sources.sort(path, &mut change);
            }
        }
        if !at_once {
            self.streaks.clear();
        }
        if change.project.is_some() {
            self.read_sources(&mut change);
        }
        for (id, path) in &change.components {
            if self.build(id, path, at_once).await && change.project.is_none() {
                // A new component comes with its routes.
                let mut served = self.reloader.components().into_iter();
                let only = served.any(|served| served.id == *id).then_some(id.as_str());
                self.swap(only, path, seen).await;
            }
        }
        if let Some(path) = change.project {
            self.swap(None, &path, seen).await;
            // A listener may have been added, whose manifest is to be watched.
            self.read_sources(&mut Change::default());
        }
        if let Err(error) = self.events.watch(&self.sources) {
            tracing::warn!("a new directory is not watched: {error:#}");
        }
    }

    /// Takes up components that the manifests have not had before, which must be built first.
    fn read_sources(&mut self, change: &mut Change) {
        match Sources::read(&self.reloader.invocation()) {
            Ok(sources) => {
                for (id, manifest) in sources.missing_from(&self.sources) {
                    change.components.entry(id).or_insert(manifest);
                }
                self.sources = sources;
            }
            // The reload that follows reports it.
            Err(error) => tracing::debug!("{error:#}"),
        }
    }

    /// Whether the component was built.
    async fn build(&mut self, id: &str, path: &Path, at_once: bool) -> bool {
        let file = self.sources.name(path);
        let streak = self.streaks.entry(id.to_owned()).or_default();
        *streak += usize::from(at_once);
        if *streak >= MAX_STREAK {
            tracing::warn!(
                "`{id}` is not built again: its build seems to change `{file}`, which it is built from; the next change builds it"
            );
            return false;
        }
        let Some(build) = self.sources.build(id) else {
            return true;
        };
        tracing::info!("`{file}` has changed: building `{id}`");
        let started = Instant::now();
        match build.run().await {
            Ok(()) => {
                tracing::info!("built `{id}` in {}", seconds(started));
                true
            }
            Err(output) => {
                let reason = format!("`{id}` cannot be built: {output}");
                self.reloader.note(&file, Some(id), Err(reason));
                build::report(id, &output);
                false
            }
        }
    }

    async fn swap(&self, component: Option<&str>, path: &Path, seen: Instant) {
        let file = self.sources.name(path);
        // What fails is in the log and in the notices.
        if let Ok(reloaded) = self.reloader.reload(component, &file).await {
            let changed = reloaded
                .report
                .components
                .iter()
                .filter(|one| one.serves_anew());
            let changed: Vec<&str> = changed.map(|one| one.component.as_str()).collect();
            let what = match (changed.as_slice(), reloaded.settings.as_slice()) {
                ([], []) => "swapped nothing".to_owned(),
                (changed, []) => format!("swapped `{}`", changed.join("`, `")),
                (_, settings) => format!("took up `{}`", settings.join("`, `")),
            };
            tracing::info!(
                "{what} in {} ms; `{file}` was served {} after it was saved",
                reloaded.milliseconds,
                seconds(seen)
            );
        }
    }
}

fn seconds(since: Instant) -> String {
    format!("{:.1} s", since.elapsed().as_secs_f64())
}
