//! Wakes the monitor's thread when the kernel hints that a followed file was written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prisma_log_tail::{Hint, Watch};

use super::signal::Signal;

/// How long hints are gathered before the next wake: a busy file makes hundreds of thousands a second.
const GATHER: Duration = Duration::from_micros(250);
/// How soon the end is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the files are watched anew, whatever was hinted at.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// A thread that waits for hints; without one, files are polled alone.
#[derive(Debug)]
pub(super) struct Watcher {
    files: Arc<Mutex<Vec<PathBuf>>>,
    _thread: JoinHandle<()>,
}

impl Watcher {
    pub(super) fn start(signal: &Arc<Signal>) -> Option<Watcher> {
        let mut watch = Watch::new().ok()?;
        let files = Arc::<Mutex<Vec<PathBuf>>>::default();
        let (shared, signal) = (Arc::clone(&files), Arc::clone(signal));
        let run = move || {
            let mut followed: Option<Instant> = None;
            let mut hint = None;
            while !signal.is_stopped() {
                if hint == Some(Hint::Replaced)
                    || followed.is_none_or(|last| last.elapsed() >= FOLLOW_EVERY) {
                    let files = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    watch.follow(files.iter().map(PathBuf::as_path));
                    followed = Some(Instant::now());
                }
                hint = watch.wait(LOOK_EVERY);
                if hint.is_some() {
                    signal.wake();
                    std::thread::sleep(GATHER);
                }
            }
        };
        let thread = std::thread::Builder::new().name("prisma-watch".into()).spawn(run).ok()?;
        Some(Watcher { files, _thread: thread })
    }

    /// The files that are followed now.
    pub(super) fn files(&self, files: impl Iterator<Item = PathBuf>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files.collect();
    }
}
