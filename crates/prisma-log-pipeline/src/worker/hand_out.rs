//! A batch, to every sink that takes something of it.

use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{DropReason, Error, Level, Record};

use crate::apart::Apart;
use crate::batch::Batch;
use crate::pool::Pool;
use crate::shared::Shared;
use crate::slot::{Delivery, SharedSink, Slot, SlotSink, deliver, position};

use super::{Means, Sinks, Worker};

/// A batch and its records.
struct Handed<'a> {
    batch: &'a Batch,
    records: &'a [Record<'a>],
    /// The least level among them.
    least: Option<Level>,
}

impl Worker {
    pub(super) fn hand_out(&mut self, shared: &Shared, pool: &Arc<Pool>) {
        let Worker { sinks, definitions, shapes, batch, .. } = self;
        let segment = &*pool.segment;
        let (records, damaged) = batch.records(segment, definitions, shapes);
        let records = if damaged == 0 {
            records
        } else {
            drop(records);
            let what = format!("{damaged} damaged records in the queue were skipped");
            shared.reporter.report("queue", &Error::data(what));
            batch.leave_damaged_out(segment, definitions, shapes);
            batch.records(segment, definitions, shapes).0
        };
        let least = records.iter().map(|record| record.level).min();
        let handed = Handed { batch, records: &records, least };
        let mut means = Means { shared, pool, definitions, shapes };
        for index in 0..sinks.slots.len() {
            sinks.hand(index, &handed, &mut means);
        }
    }
}

impl Sinks {
    fn hand(&mut self, index: usize, handed: &Handed<'_>, means: &mut Means<'_>) {
        let Slot { sink, admission, facts, .. } = &mut self.slots[index];
        match sink {
            SlotSink::Local(sink) => {
                let mut some = Vec::new();
                let records = if takes_all(admission, handed) {
                    handed.records
                } else {
                    for (record, item) in handed.records.iter().zip(&handed.batch.items) {
                        if admission.takes(record, item.head.logger, item.head.site) {
                            some.push(*record);
                        }
                    }
                    &some
                };
                if !records.is_empty() {
                    facts.ledger.submit(records.len() as u64);
                    let sink = sink.clone();
                    match self.write(index, &sink, true, records, means) {
                        Delivery::Done => {}
                        Delivery::Later { from, wait } => {
                            return self.begin_trouble(index, handed, from, wait, means);
                        }
                    }
                }
                handed.batch.advance(&means.pool.segment, index);
            }
            SlotSink::Apart(_) => self.put(index, handed, means),
        }
    }

    /// Writes to a sink of the worker's own.
    pub(super) fn write(
        &self,
        index: usize,
        sink: &SharedSink,
        notes_position: bool,
        records: &[Record<'_>],
        means: &Means<'_>,
    ) -> Delivery {
        let driven = &mut *sink.lock();
        if notes_position && let Some(position) = position(&*driven.sink) {
            means.pool.segment.set_position(index, &position);
        }
        let (facts, reporter) = (&self.slots[index].facts, &means.shared.reporter);
        let delivery = deliver(facts, reporter, &mut *driven.sink, records);
        driven.upkeep.ask(&*driven.sink);
        delivery
    }

    /// To a sink that has a thread of its own.
    fn put(&mut self, index: usize, handed: &Handed<'_>, means: &mut Means<'_>) {
        let (mut part, handed_to) = self.part(index, handed);
        let count = part.items.len() as u64;
        if count == 0 {
            return;
        }
        part.leave_untouched_chunks_out();
        self.slots[index].facts.ledger.submit(count);
        means.pool.pin(part.chunks());
        let has_room = self.make_room(index, means);
        match &self.slots[index].sink {
            SlotSink::Apart(apart) if has_room => apart.put(part, handed_to),
            _ => {
                means.pool.unpin(part.chunks());
                self.lose(index, &part, DropReason::QueueFull);
            }
        }
    }

    /// Gives a sink in trouble a thread of its own, and the records from `from` on, of those that it
    /// takes, as the first of those that wait.
    fn begin_trouble(
        &mut self,
        index: usize,
        handed: &Handed<'_>,
        from: usize,
        wait: Duration,
        means: &mut Means<'_>,
    ) {
        let (mut part, mut handed_to) = self.part(index, handed);
        let forgotten = part.forget_first(from);
        handed_to.drain(..from.min(handed_to.len()));
        let segment = &means.pool.segment;
        for place in forgotten.whole.iter().chain(&forgotten.part) {
            place.note(segment, index);
        }
        match self.set_apart(index, means) {
            Some(apart) => {
                means.pool.pin(part.chunks());
                apart.begin_with(wait);
                apart.put(part, handed_to);
            }
            None => {
                handed.batch.advance(segment, index);
                self.lose(index, &part, DropReason::SinkFailed);
            }
        }
    }

    /// Gives a sink a thread of its own; `None` when there is none to be had.
    pub(super) fn set_apart(&mut self, index: usize, means: &Means<'_>) -> Option<&Apart> {
        let slot = &mut self.slots[index];
        if let SlotSink::Local(sink) = &slot.sink {
            sink.lock().shapes = means.shapes.clone();
            let reporter = &means.shared.reporter;
            match Apart::start(sink.clone(), index, &slot.facts, means.pool, reporter) {
                Ok(mut apart) => {
                    apart.was_local = true;
                    slot.sink = SlotSink::Apart(apart);
                }
                Err(error) => {
                    let what = "cannot start a thread for a sink in trouble";
                    reporter.report(&slot.facts.name, &Error::io(what, error));
                }
            }
        }
        match &slot.sink {
            SlotSink::Apart(apart) => Some(apart),
            SlotSink::Local(_) => None,
        }
    }

    /// What of a batch a sink takes; and for each record, when there are sinks that stand in for it,
    /// which of them have it anyway.
    fn part(&mut self, index: usize, handed: &Handed<'_>) -> (Batch, Vec<u16>) {
        let mut part = handed.batch.clone();
        let mut handed_to = Vec::new();
        let stand_ins = self.stand_ins(index);
        if stand_ins.is_empty() && takes_all(&self.slots[index].admission, handed) {
            return (part, handed_to);
        }
        let mut at = 0;
        part.items.retain(|item| {
            let record = &handed.records[at];
            at += 1;
            let mut takes = |slot: usize| {
                let admission = &mut self.slots[slot].admission;
                admission.takes(record, item.head.logger, item.head.site)
            };
            let is_taken = takes(index);
            if is_taken && !stand_ins.is_empty() {
                let bits = stand_ins.iter().filter(|&&slot| takes(slot)).map(|slot| 1 << slot);
                handed_to.push(bits.fold(0, |all: u16, bit: u16| all | bit));
            }
            is_taken
        });
        (part, handed_to)
    }
}

fn takes_all(admission: &crate::slot::Admission, handed: &Handed<'_>) -> bool {
    let from = admission.takes_all_from();
    from.is_some() && from <= handed.least
}
