//! Failures that cost no record: who hears of them, and how often the attempt is repeated.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use prisma_log_core::Error;

pub(crate) type ErrorHandler = Box<dyn Fn(&Error) + Send + Sync>;

pub(crate) struct Failures {
    handler: Option<ErrorHandler>,
}

impl Failures {
    pub(crate) fn new(handler: Option<ErrorHandler>) -> Self {
        Failures { handler }
    }

    pub(crate) fn report(&self, error: &Error) {
        match &self.handler {
            Some(handler) => {
                // The sink is in the middle of its work; the handler's panic must not end it.
                let _contained = catch_unwind(AssertUnwindSafe(|| handler(error)));
            }
            None => {
                // stderr may be closed; there is nowhere left to say so.
                let _unwritable = writeln!(std::io::stderr(), "prisma-log: {error}");
            }
        }
    }
}

/// When a failed attempt may be repeated: after one second, then twice as long each time, up to
/// a minute. Until then the operation counts as failing and is not tried.
#[derive(Default)]
pub(crate) struct BackOff {
    until: Option<Instant>,
    wait: Duration,
}

impl BackOff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    pub(crate) fn may_try(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    /// When an attempt that is wanted at `time` may be made.
    pub(crate) fn not_before(&self, time: Instant) -> Instant {
        self.until.map_or(time, |until| until.max(time))
    }

    pub(crate) fn failed(&mut self, now: Instant) {
        self.wait = (self.wait * 2).clamp(Self::FIRST, Self::LONGEST);
        self.until = Some(now + self.wait);
    }

    pub(crate) fn succeeded(&mut self) {
        *self = BackOff::default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_handler_that_panics_is_contained() {
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        let failures = Failures::new(Some(Box::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            panic!("from the handler");
        })));
        failures.report(&Error::state("one"));
        failures.report(&Error::state("two"));
        assert_eq!(heard.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn waits_longer_up_to_a_minute_and_forgets_on_success() {
        let mut back_off = BackOff::default();
        let mut now = Instant::now();
        assert!(back_off.may_try(now));
        let mut waits = Vec::new();
        for _ in 0..8 {
            back_off.failed(now);
            assert!(!back_off.may_try(now + back_off.wait - Duration::from_nanos(1)));
            now += back_off.wait;
            assert!(back_off.may_try(now));
            waits.push(back_off.wait.as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        back_off.succeeded();
        assert!(back_off.may_try(now));
    }
}
