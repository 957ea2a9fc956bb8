//! An allocator that counts a thread's allocations, and refuses them when told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with a counter.
pub(crate) struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// The thread's allocations from this one to the other are refused.
    static REFUSED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Allocations of the calling thread so far.
pub(crate) fn count() -> u64 {
    COUNT.get()
}

/// Runs `work` while every allocation of the calling thread fails, as it does without memory.
pub(crate) fn refusing<T>(work: impl FnOnce() -> T) -> T {
    REFUSED.set((0, u64::MAX));
    let done = work();
    refuse_none();
    done
}

/// Refuses one allocation of the calling thread, after so many others.
pub(crate) fn refuse_after(others: u64) {
    let next = COUNT.get() + others;
    REFUSED.set((next, next + 1));
}

/// Refuses none any more.
pub(crate) fn refuse_none() {
    REFUSED.set((0, 0));
}

fn admit() -> bool {
    // A thread that ends may allocate after its counters are gone.
    let number = COUNT.try_with(|count| count.replace(count.get() + 1)).unwrap_or_default();
    let refused = REFUSED.try_with(Cell::get).unwrap_or_default();
    !(refused.0..refused.1).contains(&number)
}

// SAFETY: every block comes from and goes back to the system's allocator with the layout it was
// asked for; a refusal is the null pointer, which the trait allows.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise on `layout` is passed on.
        if admit() { unsafe { System.alloc(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise on `layout` is passed on.
        if admit() { unsafe { System.alloc_zeroed(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on; a refusal leaves the block as it is.
        if admit() { unsafe { System.realloc(block, layout, size) } } else { std::ptr::null_mut() }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}
