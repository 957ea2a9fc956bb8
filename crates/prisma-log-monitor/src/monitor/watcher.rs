//! Wakes the monitor's thread when the kernel hints that a followed file was written.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_tail::{Hint, Watch};

use super::signal::Signal;

/// How long hints are gathered before the next wake: a busy file makes hundreds of thousands a second.
const GATHER: Duration = Duration::from_micros(50);
/// How soon the end, and other files, are noticed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the files are watched anew, whatever was hinted at.
const FOLLOW_EVERY: Duration = Duration::from_secs(10);

/// A thread that waits for hints; without one, files are polled alone.
#[derive(Debug)]
pub(super) struct Watcher(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    files: Vec<PathBuf>,
    /// Whether `files` has changed since it was looked at.
    has_changed: bool,
    written: BTreeSet<PathBuf>,
    /// Whether there was a hint that any file may have been written or replaced.
    any: bool,
}

impl Watcher {
    pub(super) fn start(signal: &Arc<Signal>) -> Option<Watcher> {
        let watch = Watch::new().ok()?;
        let watcher = Watcher(Arc::default());
        let (shared, signal) = (Watcher(Arc::clone(&watcher.0)), Arc::clone(signal));
        let run = move || shared.run(watch, &signal);
        std::thread::Builder::new().name("prisma-watch".into()).spawn(run).ok()?;
        Some(watcher)
    }

    fn run(self, mut watch: Watch, signal: &Signal) {
        let mut followed: Option<Instant> = None;
        let mut hint = None;
        let mut written = BTreeSet::new();
        while !signal.is_stopped() {
            let has_changed = std::mem::take(&mut self.lock().has_changed);
            if has_changed
                || hint == Some(Hint::Replaced)
                || followed.is_none_or(|last| last.elapsed() >= FOLLOW_EVERY)
            {
                let files = self.lock().files.clone();
                watch.follow(files.iter().map(PathBuf::as_path));
                followed = Some(Instant::now());
            }
            hint = watch.wait(LOOK_EVERY, &mut written);
            // What was written before it was watched is not hinted at.
            if hint.is_some() || has_changed {
                let mut shared = self.lock();
                shared.any |= has_changed || hint != Some(Hint::Written);
                shared.written.append(&mut written);
                drop(shared);
                signal.wake();
                std::thread::sleep(GATHER);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files that are followed now.
    pub(super) fn files<'p>(&self, files: impl Iterator<Item = &'p PathBuf> + Clone) {
        let mut shared = self.lock();
        if !files.clone().eq(&shared.files) {
            shared.files = files.cloned().collect();
            shared.has_changed = true;
        }
    }

    /// The files that were written since this was last asked for; `None` when all have to be looked
    /// at.
    pub(super) fn written(&self) -> Option<Vec<PathBuf>> {
        let mut shared = self.lock();
        let written = std::mem::take(&mut shared.written);
        let any = std::mem::take(&mut shared.any);
        (!any && !written.is_empty()).then(|| written.into_iter().collect())
    }
}
