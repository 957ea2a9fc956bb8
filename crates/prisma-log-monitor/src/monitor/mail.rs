//! What the dispatcher's thread and the receivers' threads tell each other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prisma_log_core::Error;

use crate::store::{Verdict, Waiting};

/// Problems that may wait to be told.
const MAX_ERRORS: usize = 100;

/// Messages on their way, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Mail {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By receiver, oldest first; the first one is in its receiver's hands.
    queues: BTreeMap<String, VecDeque<Letter>>,
    verdicts: Vec<Verdict>,
    errors: Vec<Error>,
    /// Problems that found no room.
    untold: u64,
    /// Whether there may be something to dispatch.
    woken: bool,
    /// Until when receivers are waited for, once the monitor ends.
    deadline: Option<Instant>,
    /// Whether receivers' threads are to end.
    closed: bool,
}

/// A message that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) message: u64,
    /// Whether its receiver may have it already.
    pub(super) again: bool,
}

impl Mail {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts messages into their queues, unless they are there already.
    pub(super) fn post(&self, waiting: &[Waiting], again: bool) {
        let mut state = self.state();
        for one in waiting {
            let ended = state.verdicts.iter().any(|verdict| verdict.message == one.message);
            let queue = state.queues.entry(one.receiver.clone()).or_default();
            if !ended && !queue.iter().any(|letter| letter.message == one.message) {
                queue.push_back(Letter { message: one.message, again });
            }
        }
        self.changed.notify_all();
    }

    /// The next message for a receiver, once there is one; `None` when its thread is to end.
    pub(super) fn next(&self, receiver: &str) -> Option<Letter> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(letter) = state.queues.get(receiver).and_then(VecDeque::front) {
                return Some(*letter);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A receiver is done with its first message.
    pub(super) fn done(&self, receiver: &str, verdict: Verdict) {
        let mut state = self.state();
        if let Some(queue) = state.queues.get_mut(receiver) {
            queue.retain(|letter| letter.message != verdict.message);
        }
        state.verdicts.push(verdict);
        state.woken = true;
        self.changed.notify_all();
    }

    /// A receiver will try its first message again, after a while; `false` when its thread is to end.
    pub(super) fn pause(&self, receiver: &str, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut state = self.state();
        if let Some(letter) = state.queues.get_mut(receiver).and_then(VecDeque::front_mut) {
            letter.again = true;
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return !state.closed;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn take_verdicts(&self) -> Vec<Verdict> {
        std::mem::take(&mut self.state().verdicts)
    }

    /// Verdicts that could not be written come before later ones.
    pub(super) fn return_verdicts(&self, mut verdicts: Vec<Verdict>) {
        let mut state = self.state();
        verdicts.append(&mut state.verdicts);
        state.verdicts = verdicts;
    }

    pub(super) fn fail(&self, error: Error) {
        let mut state = self.state();
        if state.errors.len() < MAX_ERRORS {
            state.errors.push(error);
        } else {
            state.untold += 1;
        }
    }

    pub(super) fn take_errors(&self) -> Vec<Error> {
        let mut state = self.state();
        let mut errors = std::mem::take(&mut state.errors);
        match std::mem::take(&mut state.untold) {
            0 => {}
            untold => errors.push(Error::state(format!("{untold} more problems with receivers"))),
        }
        errors
    }

    /// There may be something to dispatch.
    pub(super) fn wake(&self) {
        self.state().woken = true;
        self.changed.notify_all();
    }

    /// The monitor ends: what is left goes out until then.
    pub(super) fn end(&self, wait: Duration) {
        let mut state = self.state();
        state.deadline.get_or_insert(Instant::now() + wait);
        self.changed.notify_all();
    }

    /// Waits until there may be something to dispatch, the monitor ends, or a time has passed; returns
    /// whether it ends.
    pub(super) fn wait(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        let mut state = self.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.woken || state.deadline.is_some() || left.is_zero() {
                state.woken = false;
                return state.deadline.is_some();
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a receiver's verdict; `false` when nothing is on its way or the time is up.
    pub(super) fn wait_for_verdict(&self) -> bool {
        let mut state = self.state();
        loop {
            if !state.verdicts.is_empty() {
                return true;
            }
            let deadline = state.deadline.unwrap_or_else(Instant::now);
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.queues.values().all(VecDeque::is_empty) {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Receivers' threads end as soon as they can.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}
