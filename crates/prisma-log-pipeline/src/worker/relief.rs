//! What becomes of records when too many wait for one sink.

use prisma_log_core::DropReason;

use crate::apart::{Apart, Entry};
use crate::batch::Batch;
use crate::overflow::Overflow;
use crate::slot::{Delivery, SinkState, SlotSink};

use super::telling::Untold;
use super::{Means, Sinks};

impl Sinks {
    /// Whether there is a sink with a thread of its own, and another one that stands in for it.
    pub(super) fn may_be_relieved(&self) -> bool {
        let is_apart = |sink: &SlotSink| matches!(sink, SlotSink::Apart(_));
        self.slots.iter().any(|slot| slot.fallback.is_some() && is_apart(&slot.sink))
    }

    /// Whether everybody waits for this sink, where the policy is to wait, rather than that it goes
    /// without records.
    fn is_waited_for(&self, index: usize) -> bool {
        self.apart(index).is_some_and(|apart| apart.was_local || apart.is_in_trouble())
    }

    fn is_in_trouble(&self, index: usize) -> bool {
        self.apart(index).is_some_and(Apart::is_in_trouble)
    }

    fn apart(&self, index: usize) -> Option<&Apart> {
        match &self.slots[index].sink {
            SlotSink::Apart(apart) => Some(apart),
            SlotSink::Local(_) => None,
        }
    }

    fn take_oldest(&mut self, index: usize) -> Option<Entry> {
        match &mut self.slots[index].sink {
            SlotSink::Apart(apart) => apart.take_oldest(),
            SlotSink::Local(_) => None,
        }
    }

    fn has_too_much(&self, index: usize) -> bool {
        self.apart(index).is_some_and(Apart::has_too_much)
    }

    /// Makes room for another batch of a sink with a thread of its own; whether that could be done.
    pub(super) fn make_room(&mut self, index: usize, means: &mut Means<'_>) -> bool {
        if !self.has_too_much(index) {
            return true;
        }
        if let SlotSink::Apart(apart) = &mut self.slots[index].sink
            && apart.catches_up(means.shared.overflow.wait().flatten())
        {
            return true;
        }
        if self.relieve_until_room(index, means) {
            return true;
        }
        match means.shared.overflow {
            // Chunks are kept for it as long as there are any; then callers wait.
            Overflow::Block { limit: None } if self.is_waited_for(index) => true,
            Overflow::DropOldest => self.drop_oldest(index, means),
            _ => false,
        }
    }

    fn drop_oldest(&mut self, index: usize, means: &Means<'_>) -> bool {
        while self.has_too_much(index) {
            let Some(entry) = self.take_oldest(index) else { return false };
            self.lose(index, &entry.batch, DropReason::QueueFull);
            entry.end(means.pool);
        }
        true
    }

    /// Gives the oldest of what waits to sinks that stand in; whether there is room now.
    pub(super) fn relieve_until_room(&mut self, index: usize, means: &mut Means<'_>) -> bool {
        while self.has_too_much(index) {
            let Some(to) = self.stand_in(index) else { return false };
            let Some(entry) = self.take_oldest(index) else { return false };
            self.fail_over(index, to, entry, means);
            // What it has not written yet takes as much room as before.
            if let SlotSink::Apart(apart) = &mut self.slots[to].sink {
                apart.await_idle();
            }
        }
        true
    }

    /// Nobody is left to wait for the sink: what it has not taken goes to those that stand in, or is
    /// dropped.
    pub(super) fn give_up(&mut self, index: usize, means: &mut Means<'_>) {
        if !self.is_in_trouble(index) {
            return;
        }
        while let Some(entry) = self.take_oldest(index) {
            match self.stand_in(index) {
                Some(to) => self.fail_over(index, to, entry, means),
                None => {
                    self.lose(index, &entry.batch, DropReason::SinkFailed);
                    entry.end(means.pool);
                }
            }
        }
    }

    /// The sinks that stand in for this one, the nearest first.
    pub(super) fn stand_ins(&self, index: usize) -> Vec<usize> {
        // No chain comes back to where it began: that was checked.
        std::iter::successors(self.slots[index].fallback, |&at| self.slots[at].fallback).collect()
    }

    /// The first of them that is not itself in need.
    fn stand_in(&self, index: usize) -> Option<usize> {
        let mut stand_ins = self.stand_ins(index).into_iter();
        let is_in_need = |apart: &Apart| apart.is_in_trouble() || apart.is_behind();
        stand_ins.find(|&at| !self.apart(at).is_some_and(is_in_need))
    }

    /// Gives a batch that waited for one sink to another.
    fn fail_over(&mut self, from: usize, to: usize, mut entry: Entry, means: &mut Means<'_>) {
        let facts = &self.slots[from].facts;
        facts.ledger.drop_records(entry.len(), DropReason::FailedOver);
        let (first, last) = entry.sequences();
        let (count, reason) = (entry.len(), DropReason::FailedOver);
        self.untold.push(Untold { sink: from, to: Some(to), reason, count, first, last });
        entry.hand_to(to);
        if entry.len() == 0 {
            return entry.end(means.pool);
        }
        self.slots[to].facts.ledger.submit(entry.len());
        let sink = match &self.slots[to].sink {
            SlotSink::Apart(apart) => return apart.put_for_another(entry),
            SlotSink::Local(sink) => sink.clone(),
        };
        let segment = &means.pool.segment;
        let (records, _) = entry.batch.records(segment, means.definitions, means.shapes);
        // Where it stands is known from its own records, which it is not behind with.
        match self.write(to, &sink, false, &records, means) {
            Delivery::Done => entry.end(means.pool),
            Delivery::Later { from, wait } => {
                entry.forget_first(from, means.pool);
                match self.set_apart(to, means) {
                    Some(apart) => {
                        apart.begin_with(wait);
                        apart.put_for_another(entry);
                    }
                    None => {
                        self.lose(to, &entry.batch, DropReason::SinkFailed);
                        entry.end(means.pool);
                    }
                }
            }
        }
    }

    /// Counts a batch, or what is left of it, as lost for a sink, and has that told.
    pub(super) fn lose(&mut self, index: usize, batch: &Batch, reason: DropReason) {
        let facts = &self.slots[index].facts;
        let count = batch.items.len() as u64;
        facts.ledger.drop_records(count, reason);
        if reason == DropReason::QueueFull && !self.is_in_trouble(index) {
            facts.set_state(SinkState::Stalled);
        }
        let sequences = || batch.items.iter().map(|item| item.head.sequence);
        let first = sequences().min().unwrap_or(0);
        let last = sequences().max().unwrap_or(0);
        self.untold.push(Untold { sink: index, to: None, reason, count, first, last });
    }
}
