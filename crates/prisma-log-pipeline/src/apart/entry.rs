//! A batch on its way to a sink that has a thread of its own.

use std::sync::Arc;

use crate::batch::Batch;
use crate::pool::Pool;

use super::track::Track;

pub(crate) struct Entry {
    /// Its place in the order of those that wait for the same sink.
    pub(super) number: u64,
    pub(crate) batch: Batch,
    /// For each record the sinks that it was handed to in their own right, as bits. Empty when no
    /// sink stands in for this one.
    pub(crate) handed_to: Vec<u16>,
    /// Whose cursors move once it is through, and its number there: those of the sink that it was
    /// first meant for.
    pub(super) track: Arc<Track>,
    pub(super) tracked_as: u64,
}

impl Entry {
    pub(crate) fn len(&self) -> u64 {
        self.batch.items.len() as u64
    }

    /// The least and the greatest number of its records.
    pub(crate) fn sequences(&self) -> (u64, u64) {
        let sequences = || self.batch.items.iter().map(|item| item.head.sequence);
        (sequences().min().unwrap_or(0), sequences().max().unwrap_or(0))
    }

    /// Leaves out the records that the sink has been handed already; it has the others from now on.
    pub(crate) fn hand_to(&mut self, sink: usize) {
        let bit = 1 << sink;
        let mut at = 0;
        let handed_to = &self.handed_to;
        self.batch.items.retain(|_| {
            at += 1;
            handed_to.get(at - 1).is_none_or(|handed| handed & bit == 0)
        });
        self.handed_to.retain(|handed| handed & bit == 0);
        self.handed_to.iter_mut().for_each(|handed| *handed |= bit);
    }

    /// Forgets the first records, which are through; the chunks that it needs no more.
    pub(crate) fn forget_first(&mut self, records: usize, pool: &Pool) -> Vec<u32> {
        let forgotten = self.batch.forget_first(records);
        self.handed_to.drain(..records.min(self.handed_to.len()));
        self.track.shorten(self.tracked_as, &forgotten);
        let chunks: Vec<u32> = forgotten.whole.iter().map(|place| place.chunk).collect();
        pool.unpin(chunks.iter().copied());
        chunks
    }

    /// Its records are delivered or dropped, all of them.
    pub(crate) fn end(self, pool: &Pool) {
        // As long as the chunks are pinned, the cursors in them are this segment's.
        self.track.end(self.tracked_as);
        pool.unpin(self.batch.chunks());
    }
}
