//! SIGKILL at any moment under full load: what was acknowledged is found, once and whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prisma_log_pipeline::Pipeline;

use crate::support::{Found, here, kill, logger, place, wait};

const THREADS: usize = 2;
/// More rounds than the usual 20.
const ROUNDS: &str = "PRISMA_LOG_KILLS";

/// Counts that outlive the process that keeps them: how far each thread's calls have returned.
pub(crate) struct Oracle(*const AtomicU64);

// SAFETY: points to atomics in a mapping that is never unmapped.
unsafe impl Send for Oracle {}
// SAFETY: as above.
unsafe impl Sync for Oracle {}

impl Oracle {
    pub(crate) fn open(path: &std::path::Path) -> Self {
        use std::os::fd::AsRawFd as _;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .unwrap();
        file.set_len(4096).unwrap();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a file that is long enough, leaked.
        let at = unsafe {
            let (none, fd) = (std::ptr::null_mut(), file.as_raw_fd());
            libc::mmap(none, 4096, protection, libc::MAP_SHARED, fd, 0)
        };
        assert!(at != libc::MAP_FAILED);
        Oracle(at.cast())
    }

    pub(crate) fn of(&self, thread: usize) -> &AtomicU64 {
        assert!(thread < 512);
        // SAFETY: within the mapping, aligned.
        unsafe { &*self.0.add(thread) }
    }
}

pub(crate) fn scene() {
    let place = here();
    let oracle = Oracle::open(&place.0.join("oracle"));
    let pipeline = place.start();
    log_until_killed(&pipeline, &oracle, THREADS, |_| {});
}

/// Logs from so many threads, each of which notes what was acknowledged and then does `between`.
pub(crate) fn log_until_killed(
    pipeline: &Pipeline,
    oracle: &Oracle,
    threads: usize,
    between: impl Fn(u64) + Sync,
) {
    let log = logger(pipeline);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (log, between, acknowledged) = (&log, &between, oracle.of(thread));
            scope.spawn(move || {
                for n in 0_u64.. {
                    slog::info!(log, "work"; "who" => thread, "n" => n, "more" => "some text");
                    acknowledged.store(n + 1, Ordering::Release);
                    between(n);
                }
            });
        }
    });
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let rounds = std::env::var(ROUNDS).map_or(20, |rounds| rounds.parse().unwrap());
    let mut recovered = 0;
    for round in 0..rounds {
        let (_dir, place) = place();
        let oracle = Oracle::open(&place.0.join("oracle"));
        let mut child = place.spawn("killing");
        while oracle.of(0).load(Ordering::Acquire) == 0 {
            assert_eq!(child.try_wait().unwrap(), None);
            std::thread::sleep(Duration::from_micros(200));
        }
        // Primes: no two rounds of the usual 20 are killed after the same time.
        std::thread::sleep(Duration::from_micros(1_000 + round * 7_919 % 40_000));
        kill(child.id());
        wait(&mut child, "killing");
        let pipeline = place.start();
        let found = Found::read(&place.lines());
        for thread in 0..THREADS {
            let acknowledged = oracle.of(thread).load(Ordering::Acquire);
            let numbers = found.numbers.get(&thread.to_string()).map_or(0, Vec::len) as u64;
            found.assert_all(&thread.to_string(), numbers);
            assert!(acknowledged <= numbers, "round {round}: {acknowledged} of {numbers}");
            assert!(numbers <= acknowledged + 1, "round {round}: {numbers} of {acknowledged}");
        }
        assert_eq!(found.others, [""; 0]);
        recovered += pipeline.recovery().records;
    }
    assert!(recovered > 0, "no round left anything to recover");
}
