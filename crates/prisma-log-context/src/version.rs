//! Numbers that tell contexts apart.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many numbers a thread takes at once.
const BLOCK: u64 = 1024;

/// A number that no other call has returned, never 0.
pub(crate) fn next() -> u64 {
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        /// The last number of this thread; a multiple of the block's length has none left.
        static LAST: Cell<u64> = const { Cell::new(0) };
    }
    let mut last = LAST.get();
    if last.is_multiple_of(BLOCK) {
        last = BLOCKS.fetch_add(1, Ordering::Relaxed) * BLOCK;
    }
    LAST.set(last + 1);
    last + 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn numbers_do_not_repeat_across_threads() {
        let draw = || (0..5000).map(|_| super::next()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let numbers = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        let distinct: HashSet<u64> = numbers.collect();
        assert_eq!(distinct.len(), 20_000);
        assert!(!distinct.contains(&0));
    }
}
