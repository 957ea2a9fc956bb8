//! Counts of suppressed calls that nobody has told yet, and the list of who has some.
#![expect(unsafe_code, reason = "the list without a lock is made of pointers")]

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use super::Limit;

/// All limits that ever suppressed a call; only ever grows. Without a lock, so that neither a
/// signal handler nor a forked child can get stuck on it.
static FIRST: AtomicPtr<Limit> = AtomicPtr::new(ptr::null_mut());

pub(super) struct Pending {
    count: AtomicU64,
    /// When the first of them was suppressed, in nanoseconds since the Unix epoch.
    since: AtomicU64,
    is_listed: AtomicBool,
    next: AtomicPtr<Limit>,
}

impl Pending {
    pub(super) const fn new() -> Self {
        Pending {
            count: AtomicU64::new(0),
            since: AtomicU64::new(0),
            is_listed: AtomicBool::new(false),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The count, which is 0 from now on.
    #[inline]
    pub(super) fn take(&self) -> u64 {
        if self.count() == 0 { 0 } else { self.count.swap(0, Ordering::Relaxed) }
    }

    /// Whether the count has waited for `period`; also when the clock was set back meanwhile.
    fn is_due(&self, now: u64, period: u64) -> bool {
        now.abs_diff(self.since.load(Ordering::Relaxed)) >= period
    }
}

/// Counts a suppressed call.
pub(super) fn suppress(limit: &'static Limit, now: u64) {
    let pending = &limit.pending;
    if pending.count() == 0 {
        pending.since.store(now, Ordering::Relaxed);
    }
    pending.count.fetch_add(1, Ordering::Relaxed);
    if !pending.is_listed.load(Ordering::Relaxed)
        && !pending.is_listed.swap(true, Ordering::Relaxed)
    {
        list(limit);
    }
}

fn list(limit: &'static Limit) {
    let mut first = FIRST.load(Ordering::Relaxed);
    loop {
        limit.pending.next.store(first, Ordering::Relaxed);
        let new = ptr::from_ref(limit).cast_mut();
        match FIRST.compare_exchange_weak(first, new, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(found) => first = found,
        }
    }
}

/// Takes the counts that are due, or all; those that `tell` says no to are put back.
pub(super) fn take_due(now: u64, all: bool, mut tell: impl FnMut(&'static Limit, u64) -> bool) {
    let mut next = FIRST.load(Ordering::Acquire);
    // SAFETY: `list` makes these pointers from `&'static Limit` and from nothing else, publishes
    // them with release order, and nobody makes a `&mut` of them.
    while let Some(limit) = unsafe { next.cast_const().as_ref::<'static>() } {
        let pending = &limit.pending;
        if pending.count() > 0 && (all || pending.is_due(now, limit.period())) {
            let count = pending.take();
            if count > 0 && !tell(limit, count) {
                pending.count.fetch_add(count, Ordering::Relaxed);
            }
        }
        next = pending.next.load(Ordering::Relaxed);
    }
}
