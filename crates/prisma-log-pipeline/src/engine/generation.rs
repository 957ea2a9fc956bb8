//! Forks: which process of its line this is, and whether a worker is to stand still for one.

use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the forks between this process and the first of its line.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// A fork waits for the worker to pause.
static PAUSE: AtomicU32 = AtomicU32::new(0);

pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// In a forked child: everything there is belongs to the parent.
pub(crate) fn next_generation() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
}

/// Asks workers to pause between batches, or to go on.
pub(crate) fn pause(on: bool) {
    if on {
        PAUSE.fetch_add(1, Ordering::AcqRel)
    } else {
        PAUSE.fetch_sub(1, Ordering::AcqRel)
    };
}

pub(crate) fn end_pause() {
    PAUSE.store(0, Ordering::Release);
}

pub(super) fn is_paused() -> bool {
    PAUSE.load(Ordering::Acquire) > 0
}
