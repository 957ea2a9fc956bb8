//! For front ends: whether the process has forked.
//!
//! A forked child has its parent's generators of ids and must not repeat what they give. Who nobody
//! tells of forks has to ask the kernel for each id; a front end that learns of them anyway tells, and
//! spares it that.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many forks lie between the first process that was told and this one, from 1; 0 when nobody
/// tells.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// From now on, [`happened`] is called in every forked child, before anything else is.
pub fn are_told() {
    let _told_before = GENERATION.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
}

/// Says that this is a forked child. Safe to call from a fork handler: one atomic addition.
pub fn happened() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A number that differs between a process and its children.
pub(crate) fn process() -> u64 {
    match GENERATION.load(Ordering::Relaxed) {
        // No generation reaches this far.
        0 => 1 << 63 | u64::from(std::process::id()),
        generation => generation,
    }
}
