//! A sink in its place: what it takes, what became of it, and what it does wrong.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prisma_log_core::support::{Reporter, contain};
use prisma_log_core::{
    DropReason, Durability, Error, Filter, Ledger, Level, Record, Sink, SinkPosition,
};

/// A batch that fails so many records in a row is given up: the fault is not one record's.
const FAILURES_IN_A_ROW: usize = 3;

/// How a sink is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkState {
    /// The last batch was taken.
    Ok,
    /// The last batch, or flush, failed.
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
    has_thread: bool,
    pub(crate) ledger: Ledger,
    state: AtomicU8,
    last_error: Mutex<Option<String>>,
    pub(crate) durability: Mutex<Durability>,
    at_work: AtomicBool,
}

impl Facts {
    pub(crate) fn new(name: &str, durability: Durability, has_thread: bool) -> Self {
        Facts {
            has_thread,
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
        Facts::new(&self.name, durability, self.has_thread)
    }

    /// Records on their way to the sink, when this many are in the queue.
    pub(crate) fn pending(&self, queued: u64) -> u64 {
        let in_flight = self.ledger.snapshot().in_flight();
        // What the worker has in hand still counts as queued.
        if self.has_thread { in_flight + queued } else { in_flight.max(queued) }
    }

    /// Whether a call of the sink has not come back yet.
    pub(crate) fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Relaxed)
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

    fn failed(&self, reporter: &Reporter, error: &Error) {
        self.set_state(SinkState::Failing);
        let text = error.to_string();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        reporter.report(&self.name, error);
    }
}

/// Hands a batch to a sink, all of it: what it does not take is counted and reported.
pub(crate) fn deliver(
    facts: &Facts,
    reporter: &Reporter,
    sink: &mut dyn Sink,
    batch: &[Record<'_>],
) {
    let mut rest = batch;
    let mut failures = 0;
    facts.at_work.store(true, Ordering::Relaxed);
    while !rest.is_empty() {
        match contain(|| sink.write(rest)) {
            Ok(Ok(())) => {
                facts.ledger.deliver(rest.len() as u64);
                if failures == 0 {
                    facts.set_state(SinkState::Ok);
                }
                break;
            }
            Ok(Err(failed)) => {
                let delivered = failed.delivered.min(rest.len());
                facts.ledger.deliver(delivered as u64);
                failures = if delivered == 0 { failures + 1 } else { 1 };
                facts.failed(reporter, &failed.error);
                rest = &rest[delivered..];
                // The record at the front may be what the sink can't take; the others may go on.
                let given_up = if failures < FAILURES_IN_A_ROW { 1 } else { rest.len() };
                let given_up = given_up.min(rest.len());
                facts.ledger.drop_records(given_up as u64, DropReason::SinkFailed);
                rest = &rest[given_up..];
            }
            Err(reason) => {
                let error = panicked(&reason);
                facts.failed(reporter, &error);
                // How much of it was written nobody knows; none of it is written twice.
                facts.ledger.drop_records(rest.len() as u64, DropReason::SinkPanicked);
                break;
            }
        }
    }
    facts.at_work.store(false, Ordering::Relaxed);
}

/// What a sink that panicked failed with.
pub(crate) fn panicked(reason: &str) -> Error {
    Error::state(format!("the sink panicked: {reason}"))
}

/// Where the sink's next batch will go, as far as it can tell.
pub(crate) fn position(sink: &dyn Sink) -> Option<SinkPosition> {
    contain(|| sink.position()).unwrap_or(None)
}

/// Flushes a sink, and notes how far what it has taken is safe.
pub(crate) fn flush(facts: &Facts, reporter: &Reporter, sink: &mut dyn Sink) -> Result<(), Error> {
    facts.at_work.store(true, Ordering::Relaxed);
    let outcome = contain(|| sink.flush());
    facts.at_work.store(false, Ordering::Relaxed);
    let flushed = outcome.unwrap_or_else(|reason| Err(panicked(&reason)));
    if let Err(error) = &flushed {
        facts.failed(reporter, error);
    }
    if let Ok(durability) = contain(|| sink.durability()) {
        *facts.durability.lock().unwrap_or_else(PoisonError::into_inner) = durability;
    }
    flushed
}

/// What a sink takes, remembered for loggers and call sites.
pub(crate) struct Admission {
    filter: Filter,
    least: Option<Level>,
    differs: bool,
    by_name: Vec<u8>,
    by_site: Vec<u8>,
}

/// Not looked up yet; other numbers are levels, or [`NONE`].
const UNKNOWN: u8 = 0;
/// Nothing is taken.
const NONE: u8 = 7;

impl Admission {
    pub(crate) fn new(filter: Filter) -> Self {
        Admission {
            least: filter.least_level(),
            differs: filter.has_directives(),
            filter,
            by_name: Vec::new(),
            by_site: Vec::new(),
        }
    }

    /// Whether everything at this level or above is taken, whatever the logger.
    #[inline]
    pub(crate) fn takes_all_from(&self) -> Option<Level> {
        if self.differs { None } else { self.least }
    }

    /// Whether the sink takes this record, whose logger has this number, or else this site's.
    #[inline]
    pub(crate) fn takes(&mut self, record: &Record<'_>, name: u16, site: u32) -> bool {
        if !self.differs {
            return self.least.is_some_and(|least| record.level >= least);
        }
        let (list, index) = match (name, site) {
            (0, 0) => return self.filter.passes(record.logger, record.level),
            (0, site) => (&mut self.by_site, site as usize),
            (name, _) => (&mut self.by_name, usize::from(name)),
        };
        if list.len() <= index {
            list.resize(index + 1, UNKNOWN);
        }
        if list[index] == UNKNOWN {
            list[index] = self.filter.level_for(record.logger).map_or(NONE, |level| level as u8);
        }
        record.level as u8 >= list[index]
    }

    pub(crate) fn passes(&self, logger: &str, level: Level) -> bool {
        self.filter.passes(logger, level)
    }
}

/// A sink that the worker drives itself.
pub(crate) struct Slot {
    pub(crate) facts: Arc<Facts>,
    pub(crate) admission: Admission,
    pub(crate) sink: SlotSink,
}

pub(crate) enum SlotSink {
    /// In the worker's own thread.
    Local(Box<dyn Sink>),
    /// In a thread of its own.
    Apart(crate::apart::Apart),
}
