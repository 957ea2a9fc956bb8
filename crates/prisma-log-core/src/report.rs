//! Where background failures go: a handler, a counter, and stderr at a bounded rate.

use std::cell::Cell;
use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use crate::Error;
use crate::contain::contain;

/// Called with the name of what failed, such as a sink's, and what went wrong.
pub type ErrorHandler = Box<dyn Fn(&str, &Error) + Send + Sync>;

/// At most one line per this time goes to stderr; the next says how many were left out.
const STDERR_INTERVAL: Duration = Duration::from_secs(1);

/// Takes failures that no caller is there to be told of.
///
/// Each is counted and given to the handler, if there is one, and one a second at most is written
/// to stderr, with the number of those left out. A handler that logs may fail to, and is not
/// called about that.
#[derive(Default)]
pub struct Reporter {
    handler: Option<ErrorHandler>,
    count: AtomicU64,
    stderr: Mutex<Throttle>,
}

thread_local! {
    /// Whether this thread is inside an error handler. One that logs may fail to, and must not be
    /// called about that.
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Reporter {
    /// A reporter that has seen no failure.
    pub fn new(handler: Option<ErrorHandler>) -> Self {
        Reporter { handler, ..Reporter::default() }
    }

    /// How many failures were reported.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Reports one failure; never panics, whatever the handler does.
    pub fn report(&self, what: &str, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(handler) = &self.handler
            && !IN_HANDLER.replace(true)
        {
            let _contained = contain(|| handler(what, error));
            IN_HANDLER.set(false);
        }
        // Not waited for: another thread may have held the lock when this process was forked off.
        let mut throttle = match self.stderr.try_lock() {
            Ok(throttle) => throttle,
            Err(TryLockError::Poisoned(throttle)) => throttle.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let mut stderr = std::io::stderr();
        // stderr may be closed; there is nowhere left to say so.
        let _unwritable = match throttle.admit(Instant::now()) {
            None => Ok(()),
            Some(0) => writeln!(stderr, "prisma-log: {what}: {error}"),
            Some(n) => writeln!(stderr, "prisma-log: {what}: {error} ({n} more failures before)"),
        };
    }
}

/// Lets one line through per [`STDERR_INTERVAL`].
#[derive(Default)]
struct Throttle {
    last: Option<Instant>,
    left_out: u64,
}

impl Throttle {
    /// Whether a line may be written now, and how many were left out before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < STDERR_INTERVAL) {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_interval_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let mut at = |millis| throttle.admit(start + Duration::from_millis(millis));
        assert_eq!(at(0), Some(0));
        assert_eq!([at(1), at(500), at(999)], [None; 3]);
        assert_eq!(at(1000), Some(3));
        assert_eq!(at(1999), None);
        assert_eq!(at(5000), Some(1));
        assert_eq!(at(6000), Some(0));
    }
}
