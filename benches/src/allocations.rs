//! Counts what the calling thread allocates, where asked to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's allocator; counting costs nothing while it is off.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How many allocations `run` makes on this thread.
pub(crate) fn count(run: impl FnOnce()) -> u64 {
    COUNT.set(0);
    HERE.set(true);
    ON.store(true, Ordering::Relaxed);
    run();
    ON.store(false, Ordering::Relaxed);
    HERE.set(false);
    COUNT.get()
}

fn tell() {
    if ON.load(Ordering::Relaxed) && HERE.get() {
        COUNT.set(COUNT.get() + 1);
    }
}

#[expect(unsafe_code, reason = "an allocator can't be replaced otherwise")]
// SAFETY: every call goes to the system's allocator unchanged; the thread-locals neither allocate
// nor have destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tell();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        tell();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        tell();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) }
    }
}
