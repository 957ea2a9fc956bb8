//! The answer to something that was asked of another thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub(crate) struct Answer<T> {
    given: Mutex<Option<T>>,
    changed: Condvar,
}

impl<T: Clone> Answer<T> {
    pub(crate) fn new() -> Self {
        Answer { given: Mutex::new(None), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn give(&self, answer: T) {
        *self.lock() = Some(answer);
        self.changed.notify_all();
    }

    /// Waits for it; `None` when it did not come in time.
    pub(crate) fn wait(&self, deadline: Instant) -> Option<T> {
        let mut given = self.lock();
        loop {
            if let Some(answer) = &*given {
                return Some(answer.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(given, left);
            given = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
