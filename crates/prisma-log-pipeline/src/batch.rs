//! Where the frames of a batch are, and the records that they hold.
#![expect(unsafe_code, reason = "frames are read in shared memory")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prisma_log_core::{Record, wire};

use crate::definitions::Definitions;
use crate::frame::{ALIGN, Body, HEAD_BYTES, Head};
use crate::reader::{KnownContext, NO_CONTEXT, Shapes, record, time_of};
use crate::segment::{PAYLOAD_AT, Segment};

/// One record's frame.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(crate) head: Head,
    pub(crate) chunk: u32,
    pub(crate) at: u32,
    /// Index into the batch's contexts.
    pub(crate) context: Option<u32>,
}

/// Up to where a chunk is through once the batch is.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) chunk: u32,
    pub(crate) to: u32,
}

/// Frames in the order in which they are to be written. Their chunks are claimed or pinned for as
/// long as the batch lives.
#[derive(Clone, Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    pub(crate) contexts: Vec<Arc<KnownContext>>,
    pub(crate) chunks: Vec<Progress>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.contexts.clear();
        self.chunks.clear();
    }

    /// Numbers the records, from `first` on; the frames keep the numbers, so that a recovery tells
    /// the same.
    pub(crate) fn number(&mut self, segment: &Segment, first: u64) {
        for (item, number) in self.items.iter_mut().zip(first..) {
            item.head.sequence = number;
            // SAFETY: the frame's chunk is claimed, and nothing is borrowed from it yet.
            unsafe { segment.chunk(item.chunk).set_sequence(item.at, number) }
        }
    }

    /// Numbers those records that have no number yet.
    pub(crate) fn number_rest(&mut self, segment: &Segment, next: &mut u64) {
        for item in self.items.iter_mut().filter(|item| item.head.sequence == 0) {
            item.head.sequence = *next;
            // SAFETY: the process that wrote the frame is dead, and nothing is borrowed from it yet.
            unsafe { segment.chunk(item.chunk).set_sequence(item.at, *next) }
            *next += 1;
        }
    }

    /// The records, and how many frames turned out to be none.
    pub(crate) fn records<'a>(
        &'a self,
        segment: &'a Segment,
        definitions: &'a Definitions,
        shapes: &mut Shapes,
    ) -> (Vec<Record<'a>>, u64) {
        let mut records = Vec::with_capacity(self.items.len());
        let mut samples = Samples::new(definitions.site_count());
        for item in &self.items {
            let context = self.context(item);
            let keys = context.map_or(0, |context| context.keys);
            if let Some(sample) = samples.get(item, keys) {
                let frame = self.frame(segment, item);
                records.push(another(sample, &item.head, frame, context));
            } else if let Some(record) = self.record(segment, definitions, shapes, item) {
                samples.keep(item, keys, &record);
                records.push(record);
            }
        }
        let damaged = (self.items.len() - records.len()) as u64;
        (records, damaged)
    }

    fn context(&self, item: &Item) -> Option<&KnownContext> {
        let context = item.context.and_then(|at| self.contexts.get(at as usize));
        context.map(|context| &**context)
    }

    fn frame<'a>(&self, segment: &'a Segment, item: &Item) -> &'a [u8] {
        // SAFETY: the chunk is claimed or pinned while the batch lives, see above.
        unsafe { segment.chunk(item.chunk).bytes(item.at, item.at + item.head.len) }
    }

    /// The record of one of the items; `None` when its frame is damaged.
    #[inline]
    pub(crate) fn record<'a>(
        &'a self,
        segment: &'a Segment,
        definitions: &'a Definitions,
        shapes: &mut Shapes,
        item: &Item,
    ) -> Option<Record<'a>> {
        let frame = self.frame(segment, item);
        record(definitions, shapes, &item.head, frame, self.context(item))
    }

    /// Whether an item's fields, and what pads them, fill its frame: in a damaged one they may not.
    pub(crate) fn is_whole(&self, segment: &Segment, item: &Item) -> bool {
        let frame = self.frame(segment, item);
        let Some(body) = Body::read(&item.head, frame) else { return false };
        let mut rest = body.fields;
        let read = (0..item.head.count).all(|_| wire::read(&mut rest).is_some());
        read && rest.len() < ALIGN
    }

    /// Forgets the chunks that none of the records is in.
    pub(crate) fn leave_untouched_chunks_out(&mut self) {
        let items = &self.items;
        self.chunks.retain(|place| items.iter().any(|item| item.chunk == place.chunk));
    }

    /// Forgets the records whose frames turned out to be none.
    pub(crate) fn leave_damaged_out(
        &mut self,
        segment: &Segment,
        definitions: &Definitions,
        shapes: &mut Shapes,
    ) {
        let items = std::mem::take(&mut self.items);
        let is_record = |item: &Item| self.record(segment, definitions, shapes, item).is_some();
        self.items = items.into_iter().filter(is_record).collect();
    }

    /// Forgets the first records, which a sink is through with.
    pub(crate) fn forget_first(&mut self, records: usize) -> Forgotten {
        self.items.drain(..records);
        let mut forgotten = Forgotten::default();
        let items = &self.items;
        self.chunks.retain(|place| {
            // In one chunk a batch's records come in the order of their places.
            let first = items.iter().find(|item| item.chunk == place.chunk);
            match first {
                Some(item) => {
                    forgotten.part.push(Progress { chunk: place.chunk, to: item.at });
                }
                None => forgotten.whole.push(*place),
            }
            first.is_some()
        });
        forgotten
    }

    /// Appends the batch that follows this one; the chunks that were both's.
    pub(crate) fn append(&mut self, next: Batch) -> Vec<u32> {
        let shift = self.contexts.len() as u32;
        self.contexts.extend(next.contexts);
        self.items.extend(next.items.into_iter().map(|mut item| {
            item.context = item.context.map(|at| at + shift);
            item
        }));
        let mut both = Vec::new();
        for place in next.chunks {
            match self.chunks.iter_mut().find(|known| known.chunk == place.chunk) {
                Some(known) => {
                    known.to = known.to.max(place.to);
                    both.push(place.chunk);
                }
                None => self.chunks.push(place),
            }
        }
        both
    }

    /// The batch's chunks.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = u32> {
        self.chunks.iter().map(|place| place.chunk)
    }

    /// Notes that a sink has been through with the batch.
    pub(crate) fn advance(&self, segment: &Segment, sink: usize) {
        for progress in &self.chunks {
            progress.note(segment, sink);
        }
    }
}

impl Progress {
    /// Notes in the segment that a sink has come so far.
    pub(crate) fn note(&self, segment: &Segment, sink: usize) {
        let header = segment.chunk(self.chunk).header();
        header.cursors[sink].fetch_max(self.to, Ordering::Release);
    }
}

/// What a sink is through with when it is through with a batch's first records.
#[derive(Default)]
pub(crate) struct Forgotten {
    /// Chunks that the batch has nothing left in.
    pub(crate) whole: Vec<Progress>,
    /// The others, up to the first record that is left.
    pub(crate) part: Vec<Progress>,
}

impl Forgotten {
    pub(crate) fn all(mut self) -> Vec<Progress> {
        self.whole.append(&mut self.part);
        self.whole
    }
}

/// One record of each call site: the next of the site differs from it in what changes with every
/// call, and nothing else is looked up again.
struct Samples<'a> {
    /// By the site's number, which of the samples; 0 is none, then from 1.
    by_site: Vec<u32>,
    /// With the number of the context's keys.
    samples: Vec<(Item, u32, Record<'a>)>,
}

impl<'a> Samples<'a> {
    fn new(sites: usize) -> Self {
        Samples { by_site: vec![0; sites], samples: Vec::new() }
    }

    /// A record of the same site and logger, in a context with the same keys, if there was one, for an
    /// item that has nothing inline.
    #[inline]
    fn get(&self, item: &Item, keys: u32) -> Option<&Record<'a>> {
        let &at = self.by_site.get(item.head.site as usize)?;
        let (sample, sample_keys, record) = self.samples.get((at as usize).checked_sub(1)?)?;
        let same = item.head.flags == 0
            && *sample_keys == keys
            && sample.head.logger == item.head.logger
            && sample.head.list == item.head.list
            && sample.head.level == item.head.level
            && sample.head.count == item.head.count;
        same.then_some(record)
    }

    fn keep(&mut self, item: &Item, keys: u32, record: &Record<'a>) {
        if item.head.flags == 0
            && let Some(at) = self.by_site.get_mut(item.head.site as usize)
        {
            self.samples.push((*item, keys, *record));
            *at = self.samples.len() as u32;
        }
    }
}

/// A record like the sample, but for what is in its own frame, which has nothing inline.
#[inline]
fn another<'a>(
    sample: &Record<'a>,
    head: &Head,
    frame: &'a [u8],
    context: Option<&'a KnownContext>,
) -> Record<'a> {
    let mut record = *sample;
    record.timestamp = time_of(head);
    record.sequence = head.sequence;
    record.context = context.map_or(&NO_CONTEXT, |context| &context.data);
    record.fields = sample.fields.with_bytes(&frame[HEAD_BYTES..]);
    record
}

/// The frames of a chunk that was taken out of its stream, so that nobody else reads or writes it,
/// and from where on the worker has not read them.
pub(crate) fn whole_chunk(segment: &Segment, chunk: u32, read: u32) -> (&[u8], usize) {
    let chunk = segment.chunk(chunk);
    // SAFETY: the caller has the chunk for itself.
    let bytes = unsafe { chunk.bytes(PAYLOAD_AT, chunk.committed()) };
    (bytes, read.saturating_sub(PAYLOAD_AT) as usize)
}
