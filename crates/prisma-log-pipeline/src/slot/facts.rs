//! What the sink's user may look at while the sink is at work.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use prisma_log_core::support::Reporter;
use prisma_log_core::{Durability, Error, Ledger};

/// How a sink is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkState {
    /// The last batch was taken.
    Ok,
    /// The last batch, flush or upkeep failed. What the sink asked to be given again waits in the
    /// queue, see [`SinkHealth::waiting`](crate::SinkHealth::waiting).
    Failing,
    /// The sink has not come back from a call yet, and records for it had to be dropped.
    Stalled,
    /// The sink can't be used in this process: it was at work when the process was forked.
    Unavailable,
}

/// What the sink's user may look at while the sink is at work.
pub(crate) struct Facts {
    pub(crate) name: String,
    /// The sink has a thread of its own.
    has_thread: AtomicBool,
    pub(crate) ledger: Ledger,
    state: AtomicU8,
    last_error: Mutex<Option<String>>,
    pub(crate) durability: Mutex<Durability>,
    at_work: AtomicBool,
}

impl Facts {
    pub(crate) fn new(name: &str, durability: Durability, has_thread: bool) -> Self {
        Facts {
            has_thread: AtomicBool::new(has_thread),
            name: name.to_owned(),
            ledger: Ledger::default(),
            state: AtomicU8::new(0),
            last_error: Mutex::default(),
            durability: Mutex::new(durability),
            at_work: AtomicBool::new(false),
        }
    }

    /// The same in a forked child, where nothing has been written yet.
    pub(crate) fn renewed(&self) -> Self {
        // A thread of the parent's may have been looking at the fork.
        let durability = self.durability.try_lock().map_or(Durability::Memory, |known| *known);
        Facts::new(&self.name, durability, self.has_thread.load(Ordering::Relaxed))
    }

    /// Records on their way to the sink, when this many are in the queue.
    pub(crate) fn pending(&self, queued: u64) -> u64 {
        let in_flight = self.ledger.snapshot().in_flight();
        // What the worker has in hand still counts as queued.
        if self.has_thread.load(Ordering::Relaxed) {
            in_flight + queued
        } else {
            in_flight.max(queued)
        }
    }

    /// The sink has got a thread of its own.
    pub(crate) fn gets_thread(&self) {
        self.has_thread.store(true, Ordering::Relaxed);
    }

    /// Whether a call of the sink has not come back yet.
    pub(crate) fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Relaxed)
    }

    /// Notes that a call of the sink begins, or has come back.
    pub(super) fn at_work(&self, on: bool) {
        self.at_work.store(on, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> SinkState {
        match self.state.load(Ordering::Relaxed) {
            0 => SinkState::Ok,
            1 => SinkState::Failing,
            2 => SinkState::Stalled,
            _ => SinkState::Unavailable,
        }
    }

    pub(crate) fn set_state(&self, state: SinkState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn failed(&self, reporter: &Reporter, error: &Error) {
        self.set_state(SinkState::Failing);
        let text = error.to_string();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        reporter.report(&self.name, error);
    }
}
