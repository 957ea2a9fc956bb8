//! Where background failures go: a handler, a counter, and stderr at a bounded rate.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;

/// Called with the sink's name and what went wrong.
pub(crate) type ErrorHandler = Box<dyn Fn(&str, &Error) + Send + Sync>;

/// At most one line per this time goes to stderr; the next says how many were left out.
const STDERR_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Reporter {
    handler: Option<ErrorHandler>,
    count: AtomicU64,
    stderr: Mutex<StderrState>,
}

#[derive(Default)]
struct StderrState {
    last: Option<Instant>,
    left_out: u64,
}

impl Reporter {
    pub(crate) fn new(handler: Option<ErrorHandler>) -> Self {
        Reporter { handler, ..Reporter::default() }
    }

    /// How many failures were reported.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Reports one failure; never panics, whatever the handler does.
    pub(crate) fn report(&self, sink: &str, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(handler) = &self.handler {
            let call = std::panic::AssertUnwindSafe(|| handler(sink, error));
            let _contained = std::panic::catch_unwind(call);
        }
        let mut state = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.last.is_some_and(|last| now.duration_since(last) < STDERR_INTERVAL) {
            state.left_out += 1;
            return;
        }
        let left_out = std::mem::take(&mut state.left_out);
        state.last = Some(now);
        let mut stderr = std::io::stderr();
        // stderr may be closed; there is nowhere left to say so.
        let _unwritable = match left_out {
            0 => writeln!(stderr, "prisma-log: sink {sink}: {error}"),
            n => writeln!(stderr, "prisma-log: sink {sink}: {error} ({n} more failures before)"),
        };
    }
}
