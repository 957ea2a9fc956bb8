//! What the worker does: from the queue into the sinks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use prisma_log_core::{DropReason, Error, Fields, Level, Record};

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::drops::{Dropped, merge_drops};
use crate::emergency;
use crate::engine::Step;
use crate::limit;
use crate::limited::SUPPRESSED;
use crate::merge::Merge;
use crate::notice::{LOGGER, Notice};
use crate::pool::{Claim, Mark, Pool};
use crate::reader::Shapes;
use crate::shared::Shared;
use crate::slot::{Admission, Slot, SlotSink, deliver, flush, position};

/// Drops are told at most once in this time, unless the pipeline is flushed.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// The worker's state; whoever has it in hand writes.
pub(crate) struct Worker {
    pub(crate) slots: Vec<Slot>,
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
    /// Records that sinks of their own threads had no room for.
    untold: Vec<Untold>,
}

struct Untold {
    sink: usize,
    count: u64,
    first: u64,
    last: u64,
}

/// What a pass came to.
pub(crate) struct Passed {
    pub(crate) records: usize,
    pub(crate) more: bool,
}

impl Worker {
    pub(crate) fn new(slots: Vec<Slot>) -> Self {
        Worker {
            slots,
            parked: false,
            definitions: Definitions::default(),
            shapes: Shapes::default(),
            merge: Merge::default(),
            claims: Vec::new(),
            looked_at: 0,
            batch: Batch::default(),
            last_told: None,
            sink_changes: 0,
            unsaid: Vec::new(),
            untold: Vec::new(),
        }
    }

    /// Has the slots take what the sinks' filters say by now.
    fn heed_filters(&mut self, shared: &Shared) {
        let changes = shared.levels.sink_changes();
        if changes != self.sink_changes {
            self.sink_changes = changes;
            for (slot, filter) in self.slots.iter_mut().zip(shared.levels.sink_filters()) {
                slot.admission = Admission::new(filter);
            }
        }
    }

    /// Writes one batch of what was logged before `limit`.
    pub(crate) fn pass(&mut self, shared: &Shared, pool: &Pool, limit: u64) -> Passed {
        if self.parked {
            return Passed { records: 0, more: false };
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

    /// Whether nothing was logged since the last look: found out without a lock, since an idle worker
    /// does nothing else.
    pub(crate) fn has_nothing_new(&self, pool: &Pool) -> bool {
        let read = |claim: &Claim| {
            self.merge.read_up_to(claim) >= pool.segment.chunk(claim.chunk).committed()
        };
        self.looked_at == pool.changes() && self.claims.iter().all(read)
    }

    fn hand_out(&mut self, shared: &Shared, pool: &Pool) {
        let segment = &*pool.segment;
        let (records, damaged) = self.batch.records(segment, &self.definitions, &mut self.shapes);
        if damaged > 0 {
            let what = format!("{damaged} damaged records in the queue were skipped");
            shared.reporter.report("queue", &Error::data(what));
        }
        let least = records.iter().map(|record| record.level).min();
        let mut some: Vec<Record<'_>> = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let all = slot.admission.takes_all_from() <= least
                && slot.admission.takes_all_from().is_some();
            match &mut slot.sink {
                SlotSink::Local(sink) => {
                    let batch: &[Record<'_>] = if all && damaged == 0 {
                        &records
                    } else {
                        some.clear();
                        // Damaged items have no record: then names are looked up by text.
                        let items = self.batch.items.iter().filter(|_| damaged == 0);
                        let ids = items.map(|item| (item.head.logger, item.head.site));
                        let ids = ids.chain(std::iter::repeat((0, 0)));
                        for (record, (name, site)) in records.iter().zip(ids) {
                            if slot.admission.takes(record, name, site) {
                                some.push(*record);
                            }
                        }
                        &some
                    };
                    if !batch.is_empty() {
                        slot.facts.ledger.submit(batch.len() as u64);
                        if let Some(position) = position(&**sink) {
                            segment.set_position(index, &position);
                        }
                        deliver(&slot.facts, &shared.reporter, &mut **sink, batch);
                    }
                    self.batch.advance(segment, index);
                }
                SlotSink::Apart(apart) => {
                    let mut batch = self.batch.clone();
                    if !all && damaged == 0 {
                        let mut index = 0;
                        batch.items.retain(|item| {
                            index += 1;
                            let record = &records[index - 1];
                            slot.admission.takes(record, item.head.logger, item.head.site)
                        });
                    }
                    let count = batch.items.len() as u64;
                    if count == 0 {
                        continue;
                    }
                    batch.leave_untouched_chunks_out();
                    slot.facts.ledger.submit(count);
                    pool.pin(batch.chunks.iter().map(|place| place.chunk));
                    if let Err(batch) = apart.submit(batch) {
                        pool.unpin(batch.chunks.iter().map(|place| place.chunk));
                        slot.facts.ledger.drop_records(count, DropReason::QueueFull);
                        crate::apart::stalled(&slot.facts);
                        let sequences = || batch.items.iter().map(|item| item.head.sequence);
                        self.untold.push(Untold {
                            sink: index,
                            count,
                            first: sequences().min().unwrap_or(0),
                            last: sequences().max().unwrap_or(0),
                        });
                    }
                }
            }
        }
    }

    /// Puts records about drops and suppressed records into the queue, if any are due; whether any
    /// were put. What finds no room is told the next time.
    pub(crate) fn tell(
        &mut self,
        shared: &Shared,
        now: bool,
        put: impl Fn(&Notice<'_>) -> bool,
    ) -> bool {
        let due = self.last_told.is_none_or(|last| last.elapsed() >= TELL_INTERVAL);
        if self.parked || !(now || due) {
            return false;
        }
        for _ in 0..shared.emergency_dropped.swap(0, Ordering::Relaxed) {
            let number = shared.next_sequences(1);
            let (logger, level) = (emergency::LOGGER, Level::Critical);
            shared.drops.count(logger, level, DropReason::QueueFull, number);
        }
        let dropped = shared.drops.take();
        self.account(&dropped);
        merge_drops(&mut self.unsaid, dropped);
        let mut told = false;
        if !self.unsaid.is_empty() && put(&drop_notice(&about(&self.unsaid))) {
            self.unsaid.clear();
            told = true;
        }
        for untold in merged(std::mem::take(&mut self.untold)) {
            let mut fields = Fields::new();
            fields.push("dropped", untold.count);
            fields.push("sink", self.slots[untold.sink].facts.name.as_str());
            fields.push("reason", DropReason::QueueFull.as_str());
            fields.push("first_seq", untold.first);
            fields.push("last_seq", untold.last);
            if put(&drop_notice(&fields)) {
                told = true;
            } else {
                self.untold.push(untold);
            }
        }
        if told {
            self.last_told = Some(Instant::now());
        }
        limit::take_due(shared.clock.now(), now, |limit, count| {
            let mut fields = Fields::new();
            fields.push("suppressed", count);
            fields.push_args("site", format_args!("{}:{}", limit.file(), limit.line()));
            let put = put(&Notice {
                level: limit.level(),
                logger: limit.module(),
                message: SUPPRESSED,
                site: (limit.file(), limit.line(), limit.module()),
                fields: &fields,
            });
            told |= put;
            put
        });
        told
    }

    /// Enters drops into the ledgers of the sinks that would have taken the records.
    fn account(&self, dropped: &[Dropped]) {
        for slot in &self.slots {
            for drop in dropped {
                if slot.admission.passes(&drop.logger, drop.level) {
                    slot.facts.ledger.submit(drop.count);
                    slot.facts.ledger.drop_records(drop.count, drop.reason);
                }
            }
        }
    }

    /// Flushes all sinks, or has their threads do so.
    pub(crate) fn flush_sinks(&mut self, shared: &Shared) -> Vec<Step> {
        // Those with threads of their own first: they may be at it at the same time.
        let asked: Vec<Option<Step>> = self
            .slots
            .iter_mut()
            .map(|slot| match &mut slot.sink {
                SlotSink::Apart(apart) => Some(Step::Asked(apart.ask_flush())),
                SlotSink::Local(_) => None,
            })
            .collect();
        let steps = self.slots.iter_mut().zip(asked).map(|(slot, asked)| match &mut slot.sink {
            SlotSink::Local(sink) => {
                let flushed = flush(&slot.facts, &shared.reporter, &mut **sink);
                Step::Done(flushed.err().map(Arc::new))
            }
            SlotSink::Apart(_) => asked.unwrap_or(Step::Done(None)),
        });
        steps.collect()
    }

    /// Whether everything before these places has been read.
    pub(crate) fn is_past(&self, pool: &Pool, marks: &[Mark]) -> bool {
        marks.iter().all(|mark| self.merge.is_past(mark) || pool.is_past(mark))
    }

    /// Whether all sinks are through with what they were given.
    pub(crate) fn is_idle(&self) -> bool {
        !self.parked
            && self.slots.iter().all(|slot| match &slot.sink {
                SlotSink::Local(_) => true,
                SlotSink::Apart(apart) => apart.is_idle(),
            })
    }
}

/// Drops of one sink as one.
fn merged(untold: Vec<Untold>) -> Vec<Untold> {
    let mut all: Vec<Untold> = Vec::new();
    for one in untold.into_iter().filter(|one| one.count > 0) {
        match all.iter_mut().find(|known| known.sink == one.sink) {
            Some(known) => {
                known.count += one.count;
                known.first = known.first.min(one.first);
                known.last = known.last.max(one.last);
            }
            None => all.push(one),
        }
    }
    all
}

fn drop_notice(fields: &Fields) -> Notice<'_> {
    Notice {
        level: Level::Warning,
        logger: LOGGER,
        message: "records dropped",
        site: (file!(), line!(), module_path!()),
        fields,
    }
}

/// Fields of the record that tells of drops.
fn about(dropped: &[Dropped]) -> Fields {
    let mut fields = Fields::new();
    fields.push("dropped", dropped.iter().map(|drop| drop.count).sum::<u64>());
    fields.push("first_seq", dropped.iter().map(|drop| drop.first).min().unwrap_or(0));
    fields.push("last_seq", dropped.iter().map(|drop| drop.last).max().unwrap_or(0));
    for drop in dropped {
        let level = drop.level.as_str().to_lowercase();
        let key = format!("{}.{level}.{}", drop.reason.as_str(), drop.logger);
        fields.push(&key, drop.count);
    }
    fields
}
