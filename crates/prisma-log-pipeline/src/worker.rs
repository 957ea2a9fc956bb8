//! What the worker does: from the queue into the sinks.

mod hand_out;
mod relief;
mod telling;

use std::sync::Arc;
use std::time::Instant;

use prisma_log_core::Error;

use crate::apart::Task;
use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::drops::Dropped;
use crate::engine::Step;
use crate::merge::Merge;
use crate::pool::{Claim, Mark, Pool};
use crate::reader::Shapes;
use crate::shared::Shared;
use crate::slot::{Admission, Slot, SlotSink, command, flush};

use telling::Untold;

/// The worker's state; whoever has it in hand writes.
pub(crate) struct Worker {
    sinks: Sinks,
    /// A sink of this process can't be used: everything stays in the queue, for the next start.
    pub(crate) parked: bool,
    definitions: Definitions,
    shapes: Shapes,
    merge: Merge,
    claims: Vec<Claim>,
    /// Where the pool's count of changes stood when the claims were made.
    looked_at: u32,
    batch: Batch,
    last_told: Option<Instant>,
    /// The changes of sinks' filters that the slots know of.
    sink_changes: u64,
    /// Drops that are in the ledgers, but could not be told yet.
    unsaid: Vec<Dropped>,
}

/// The sinks in their order, and what is to be told of them.
struct Sinks {
    slots: Vec<Slot>,
    untold: Vec<Untold>,
}

/// What handing over takes.
struct Means<'a> {
    shared: &'a Shared,
    pool: &'a Arc<Pool>,
    definitions: &'a Definitions,
    shapes: &'a mut Shapes,
}

/// What a pass came to.
pub(crate) struct Passed {
    pub(crate) records: usize,
    pub(crate) more: bool,
}

impl Passed {
    pub(crate) const NOTHING: Passed = Passed { records: 0, more: false };
}

impl Worker {
    pub(crate) fn new(slots: Vec<Slot>, shapes: Shapes) -> Self {
        Worker {
            sinks: Sinks { slots, untold: Vec::new() },
            parked: false,
            definitions: Definitions::default(),
            shapes,
            merge: Merge::default(),
            claims: Vec::new(),
            looked_at: 0,
            batch: Batch::default(),
            last_told: None,
            sink_changes: 0,
            unsaid: Vec::new(),
        }
    }

    /// The sinks, for a worker of a forked child, and the numbers that they know shapes by.
    pub(crate) fn take_sinks(&mut self) -> (Vec<Slot>, Shapes) {
        (std::mem::take(&mut self.sinks.slots), std::mem::take(&mut self.shapes))
    }

    /// Has the slots take what the sinks' filters say by now.
    fn heed_filters(&mut self, shared: &Shared) {
        let changes = shared.levels.sink_changes();
        if changes != self.sink_changes {
            self.sink_changes = changes;
            for (slot, filter) in self.sinks.slots.iter_mut().zip(shared.levels.sink_filters()) {
                slot.admission = Admission::new(filter);
            }
        }
    }

    /// Writes one batch of what was logged before `limit`.
    pub(crate) fn pass(&mut self, shared: &Shared, pool: &Arc<Pool>, limit: u64) -> Passed {
        if self.parked {
            return Passed::NOTHING;
        }
        let changes = pool.changes();
        self.heed_filters(shared);
        let segment = &*pool.segment;
        pool.claim(&mut self.claims);
        self.batch.clear();
        let merged =
            self.merge.fill(segment, &self.claims, limit, &mut self.shapes, &mut self.batch);
        let records = self.batch.items.len();
        if records > 0 {
            self.definitions.update(segment);
            self.batch.number(segment, shared.next_sequences(records as u64));
            self.hand_out(shared, pool);
        }
        if merged.damaged > 0 {
            let what = format!("{} damaged bytes in the queue were skipped", merged.damaged);
            shared.reporter.report("queue", &Error::data(what));
        }
        let merge = &self.merge;
        pool.release(
            &self.claims,
            |claim| merge.records_read(claim),
            |claim| merge.read_up_to(claim),
        );
        self.looked_at = changes;
        Passed { records, more: merged.more }
    }

    /// Gives what there is no room for to sinks that stand in; to be done now and then, since they may
    /// have been in trouble themselves when it would have been their turn.
    pub(crate) fn relieve(&mut self, shared: &Shared, pool: &Arc<Pool>) {
        if self.parked || !self.sinks.may_be_relieved() {
            return;
        }
        self.with_means(shared, pool, |sinks, means| {
            for index in 0..sinks.slots.len() {
                let _is_enough = sinks.relieve_until_room(index, means);
            }
        });
    }

    /// Sees to what still waits for sinks in trouble when nobody will be there to give it to them:
    /// it goes to their fallbacks, or is counted.
    pub(crate) fn give_up(&mut self, shared: &Shared, pool: &Arc<Pool>) {
        self.with_means(shared, pool, |sinks, means| {
            (0..sinks.slots.len()).for_each(|index| sinks.give_up(index, means));
        });
    }

    fn with_means<R>(
        &mut self,
        shared: &Shared,
        pool: &Arc<Pool>,
        f: impl FnOnce(&mut Sinks, &mut Means<'_>) -> R,
    ) -> R {
        self.definitions.update(&pool.segment);
        let (definitions, shapes) = (&self.definitions, &mut self.shapes);
        f(&mut self.sinks, &mut Means { shared, pool, definitions, shapes })
    }

    /// Whether nothing was logged since the last look: found out without a lock, since an idle worker
    /// does nothing else.
    pub(crate) fn has_nothing_new(&self, pool: &Pool) -> bool {
        let read = |claim: &Claim| {
            self.merge.read_up_to(claim) >= pool.segment.chunk(claim.chunk).committed()
        };
        self.looked_at == pool.changes() && self.claims.iter().all(read)
    }

    /// Has all sinks do this, or their threads.
    pub(crate) fn fulfil(&mut self, shared: &Shared, task: Task) -> Vec<Step> {
        let slots = &mut self.sinks.slots;
        // Those with threads of their own first: they may be at it at the same time.
        let asked = slots.iter().map(|slot| match &slot.sink {
            SlotSink::Apart(apart) => Some(Step::Asked(apart.ask(task))),
            SlotSink::Local(_) => None,
        });
        let asked: Vec<Option<Step>> = asked.collect();
        let steps = slots.iter().zip(asked).map(|(slot, asked)| match &slot.sink {
            SlotSink::Local(sink) => {
                let driven = &mut *sink.lock();
                let (reporter, sink) = (&shared.reporter, &mut *driven.sink);
                let outcome = match task {
                    Task::Flush => flush(&slot.facts, reporter, sink),
                    Task::Command(wanted) => command(&slot.facts, reporter, sink, wanted),
                };
                driven.upkeep.ask(&*driven.sink);
                Step::Done(outcome.err().map(Arc::new))
            }
            SlotSink::Apart(_) => asked.unwrap_or(Step::Done(None)),
        });
        steps.collect()
    }

    /// When the first of the sinks that the worker drives itself wants upkeep.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = |slot: &Slot| match &slot.sink {
            SlotSink::Local(sink) => sink.lock().upkeep.due(),
            SlotSink::Apart(_) => None,
        };
        if self.parked { None } else { self.sinks.slots.iter().filter_map(due).min() }
    }

    /// Has these sinks do what is due.
    pub(crate) fn keep_up(&mut self, shared: &Shared) {
        for slot in self.sinks.slots.iter().filter(|_| !self.parked) {
            if let SlotSink::Local(sink) = &slot.sink {
                let driven = &mut *sink.lock();
                driven.upkeep.keep_up(&slot.facts, &shared.reporter, &mut *driven.sink);
            }
        }
    }

    /// Whether everything before these places has been read.
    pub(crate) fn is_past(&self, pool: &Pool, marks: &[Mark]) -> bool {
        marks.iter().all(|mark| self.merge.is_past(mark) || pool.is_past(mark))
    }

    /// Whether all sinks are through with what they were given.
    pub(crate) fn is_idle(&self) -> bool {
        !self.parked
            && self.sinks.slots.iter().all(|slot| match &slot.sink {
                SlotSink::Local(_) => true,
                SlotSink::Apart(apart) => apart.is_idle(),
            })
    }
}
