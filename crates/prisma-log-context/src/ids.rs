//! Random trace and span ids.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use fastrand::Rng;
use prisma_log_core::{SpanId, TraceId};

use crate::forks;

/// A thread's generator, and the process that it was seeded in.
struct Seeded {
    rng: Rng,
    process: u64,
}

impl Seeded {
    fn new() -> Self {
        // RandomState's keys come from the operating system.
        let seed = RandomState::new().hash_one(std::process::id());
        Seeded { rng: Rng::with_seed(seed), process: forks::process() }
    }
}

thread_local! {
    static SEEDED: RefCell<Seeded> = RefCell::new(Seeded::new());
}

fn random<T>(draw: impl Fn(&mut Rng) -> Option<T>) -> T {
    let loop_until = |rng: &mut Rng| std::iter::repeat_with(|| draw(rng)).flatten().next();
    let drawn = SEEDED.try_with(|cell| {
        let mut seeded = cell.borrow_mut();
        // A forked child would repeat its parent's ids.
        let process = forks::process();
        if seeded.process != process {
            let fresh = RandomState::new().hash_one((std::process::id(), seeded.rng.u64(..)));
            *seeded = Seeded { rng: Rng::with_seed(fresh), process };
        }
        loop_until(&mut seeded.rng)
    });
    // In a thread-local destructor the generator may be gone.
    let drawn = drawn.ok().flatten().or_else(|| loop_until(&mut Seeded::new().rng));
    drawn.unwrap_or_else(|| unreachable!("an endless iterator has a next element"))
}

/// A new random trace id.
pub(crate) fn trace_id() -> TraceId {
    random(|rng| TraceId::new(rng.u128(..)))
}

/// A new random span id.
pub(crate) fn span_id() -> SpanId {
    random(|rng| SpanId::new(rng.u64(..)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_do_not_repeat_across_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..5_000).map(|_| trace_id()).collect::<Vec<_>>()))
            .collect();
        let ids: HashSet<_> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert_eq!(ids.len(), 20_000);
    }
}
