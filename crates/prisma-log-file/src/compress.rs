//! Compressing archives on a thread of the sink's own, of the lowest priority.
//!
//! The thread begins when there may be something to do and ends when nothing is left. It looks at
//! the folder, not at a list of jobs: so whatever a process that died left behind is finished or
//! removed by the next one, and several processes share the work.
//!
//! At each moment a reader finds each record in one regular archive at least: the compressed one
//! gets its name when it is whole and on stable storage, and only then the plain one goes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_core::Error;

use crate::compression::Packing;
use crate::failure::{BackOff, Failures};
use crate::fs::{Folder, Fs};
use crate::names::{Archive, Names};

mod encode;
mod files;
mod job;
mod pass;
mod verify;

#[cfg(test)]
pub(crate) use pass::look_over;
pub(crate) use pass::remove_stale;

const PIECE: usize = 256 * 1024;
/// How long the end of a sink waits for the thread to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// Compresses the archives of one log file.
pub(crate) struct Compressor {
    shared: Arc<Shared>,
}

struct Shared {
    fs: Arc<dyn Fs>,
    names: Names,
    packing: Packing,
    failures: Arc<Failures>,
    progress: Progress,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Where there may be something to do.
    wanted: Option<Place>,
    /// Whether there is a thread.
    runs: bool,
    /// Archives that are nobody's to compress.
    left_alone: Vec<Archive>,
}

/// The folder of the archives.
struct Place {
    folder: Arc<dyn Folder>,
    path: PathBuf,
}

/// What the thread and the sink tell each other without waiting.
#[derive(Default)]
struct Progress {
    stop: AtomicBool,
    temporary: AtomicU64,
    generation: AtomicU64,
}

impl Progress {
    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn is_long(&self, temporary: u64) {
        self.temporary.store(temporary, Ordering::Relaxed);
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}

impl Compressor {
    pub(crate) fn new(
        fs: Arc<dyn Fs>,
        names: Names,
        packing: Packing,
        failures: Arc<Failures>,
    ) -> Compressor {
        Compressor { shared: Arc::new(Shared::new(fs, names, packing, failures)) }
    }

    /// Has the thread look for archives to compress in the folder, which messages call `path`.
    pub(crate) fn wake(&self, folder: &Arc<dyn Folder>, path: &Path) {
        let mut state = self.shared.lock();
        state.wanted = Some(Place { folder: Arc::clone(folder), path: path.to_owned() });
        if state.runs {
            self.shared.changed.notify_all();
            return;
        }
        let shared = Arc::clone(&self.shared);
        // Of a thread's name, the kernel shows 15 bytes.
        let named = std::thread::Builder::new().name("prisma-log-pack".into());
        match named.spawn(move || shared.run()) {
            Ok(_detached) => state.runs = true,
            Err(error) => {
                drop(state);
                let error = Error::io("cannot start the thread that compresses archives", error);
                self.shared.failures.report(&error.with_hint("tried again after a rotation"));
            }
        }
    }

    /// How many bytes the compressed file holds that is being made.
    pub(crate) fn temporary_bytes(&self) -> u64 {
        self.shared.progress.temporary.load(Ordering::Relaxed)
    }

    /// How long the compressed form of so many bytes may get.
    pub(crate) fn most_of(plain: u64) -> u64 {
        // Of what can't be compressed, both formats make a little more than it was.
        plain.saturating_add(plain / 128).saturating_add(1024)
    }

    /// Whether the thread has something to do.
    pub(crate) fn is_at_work(&self) -> bool {
        self.shared.lock().runs
    }

    /// Rises whenever the thread changed what archives there are.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.progress.generation.load(Ordering::Acquire)
    }

    /// Begins anew in a forked child, where the thread is not.
    pub(crate) fn after_fork(&mut self) {
        let Shared { fs, names, packing, failures, .. } = &*self.shared;
        let (fs, failures) = (Arc::clone(fs), Arc::clone(failures));
        self.shared = Arc::new(Shared::new(fs, names.clone(), *packing, failures));
    }

    /// Waits until the thread has nothing left to do, for so long at most; says whether it has.
    #[cfg(test)]
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        self.shared.wait_for_end(patience)
    }
}

impl Drop for Compressor {
    /// What is being made is removed; the next start begins it anew.
    fn drop(&mut self) {
        self.shared.progress.stop.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        self.shared.wait_for_end(PATIENCE);
    }
}

impl Shared {
    fn new(fs: Arc<dyn Fs>, names: Names, packing: Packing, failures: Arc<Failures>) -> Shared {
        Shared {
            fs,
            names,
            packing,
            failures,
            progress: Progress::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_end(&self, patience: Duration) -> bool {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, patience, |state| state.runs);
        !waited.unwrap_or_else(PoisonError::into_inner).0.runs
    }

    fn run(&self) {
        let _told_even_after_a_panic = Ending(self);
        take_lowest_priority();
        let mut back_off = BackOff::default();
        let mut not_before = None;
        while let Some(place) = self.next(not_before) {
            let task = pass::Task {
                folder: &*place.folder,
                path: &place.path,
                names: &self.names,
                packing: self.packing,
                user: self.fs.user(),
                piece: PIECE,
                progress: &self.progress,
                failures: &self.failures,
            };
            let mut left_alone = std::mem::take(&mut self.lock().left_alone);
            let all = task.run(&mut left_alone);
            self.lock().left_alone = left_alone;
            if all {
                back_off.succeeded();
                not_before = None;
            } else {
                let now = self.fs.now();
                back_off.failed(now);
                not_before = Some(back_off.not_before(now));
                self.lock().wanted.get_or_insert(place);
            }
        }
    }

    /// Waits for the time at which something is to be done; `None` when nothing is left.
    fn next(&self, not_before: Option<Instant>) -> Option<Place> {
        let mut state = self.lock();
        while state.wanted.is_some() && !self.progress.stops() {
            let wait = not_before.map(|time| time.saturating_duration_since(self.fs.now()));
            match wait {
                Some(wait) if !wait.is_zero() => {
                    let waited = self.changed.wait_timeout(state, wait);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                _ => return state.wanted.take(),
            }
        }
        // With the lock held: whoever wakes from here on starts another thread.
        state.runs = false;
        self.changed.notify_all();
        None
    }
}

struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().runs = false;
            self.0.changed.notify_all();
        }
    }
}

/// Takes what others leave of the processor.
fn take_lowest_priority() {
    // Elsewhere the call would be about the whole process.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _as_before_if_refused = rustix::process::setpriority_process(None, 19);
}

#[cfg(test)]
mod tests;
