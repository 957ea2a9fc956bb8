//! A sink in its place: what it takes, what became of it, and what it does wrong.

mod admission;
mod calls;
mod facts;
mod upkeep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prisma_log_core::support::contain;
use prisma_log_core::{Error, Sink};

pub(crate) use admission::Admission;
pub(crate) use calls::{Delivery, command, deliver, flush, panicked, position};
pub(crate) use facts::Facts;
pub use facts::SinkState;
pub(crate) use upkeep::Upkeep;

use crate::apart::Apart;
use crate::reader::Shapes;

/// A sink's place.
pub(crate) struct Slot {
    pub(crate) facts: Arc<Facts>,
    pub(crate) admission: Admission,
    pub(crate) sink: SlotSink,
    /// Which of the slots stands in when this one's share of the queue is used up.
    pub(crate) fallback: Option<usize>,
}

pub(crate) enum SlotSink {
    /// In the worker's own thread.
    Local(SharedSink),
    /// In a thread of its own.
    Apart(Apart),
}

/// A sink under a lock; whoever drives it has it.
#[derive(Clone)]
pub(crate) struct SharedSink(Arc<Mutex<Driven>>);

/// A sink, and what goes with it from one who drives it to the next.
pub(crate) struct Driven {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) upkeep: Upkeep,
    /// The numbers that a sink in a thread of its own knows shapes by.
    pub(crate) shapes: Shapes,
}

impl SharedSink {
    pub(crate) fn new(sink: Box<dyn Sink>) -> Self {
        let mut upkeep = Upkeep::default();
        upkeep.ask(&*sink);
        SharedSink(Arc::new(Mutex::new(Driven { sink, upkeep, shapes: Shapes::default() })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Driven> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In a forked child: the sink opens anew what it must not share.
    pub(crate) fn is_forked(&self, report: impl FnOnce(Result<Result<(), Error>, String>)) {
        let driven = &mut *self.lock();
        report(contain(|| driven.sink.after_fork()));
        driven.upkeep.ask(&*driven.sink);
    }

    /// Whether a call of the sink is under way, in whatever thread, be it one that is gone.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(self.0.try_lock(), Err(std::sync::TryLockError::WouldBlock))
    }
}
