//! Brings what the threads have written into the order of time.
#![expect(unsafe_code, reason = "frames are read in shared memory")]

use std::sync::Arc;

use crate::batch::{Batch, Item, Progress};
use crate::frame::{CONTEXT, Head, read_context};
use crate::pool::{Claim, Mark};
use crate::reader::{KnownContext, Shapes};
use crate::segment::{PAYLOAD_AT, Segment};

/// Most records of one batch.
pub(crate) const BATCH_RECORDS: usize = 2048;
/// A record whose time lies further ahead than this, in nanoseconds, was made before the clock was
/// set back: it waits for nobody.
const AHEAD: u64 = 100_000_000;

/// How far a stream has been read.
#[derive(Default)]
struct Progressed {
    chunk: u32,
    order: u32,
    at: u32,
    /// Records before `at`.
    records: u32,
    context: Option<Arc<KnownContext>>,
}

/// The reading ends of all streams.
#[derive(Default)]
pub(crate) struct Merge {
    streams: Vec<Progressed>,
    heads: Vec<Front>,
}

/// The next record of a claimed chunk.
struct Front {
    claim: usize,
    committed: u32,
    /// Index of the current context in the batch, once it was put there.
    context: Option<u32>,
    next: Option<Head>,
}

/// What a merge came to.
pub(crate) struct Merged {
    /// There is more to be read at once.
    pub(crate) more: bool,
    /// Bytes that were no frames.
    pub(crate) damaged: u64,
}

impl Merge {
    /// Fills the batch from the claimed chunks with records of up to `limit`, in time order.
    pub(crate) fn fill(
        &mut self,
        segment: &Segment,
        claims: &[Claim],
        limit: u64,
        shapes: &mut Shapes,
        batch: &mut Batch,
    ) -> Merged {
        let mut damaged = 0;
        self.begin(segment, claims, shapes, batch, &mut damaged);
        let mut more = false;
        while let Some((at, rival)) = self.first(limit) {
            let claim = claims[self.heads[at].claim];
            // As long as no other stream's front is older, this one goes on.
            loop {
                let front = &mut self.heads[at];
                let Some(head) = front.next.take() else { break };
                let stream = &mut self.streams[claim.stream as usize];
                let context = stream.context.as_ref().map(|context| {
                    *front.context.get_or_insert_with(|| {
                        batch.contexts.push(Arc::clone(context));
                        batch.contexts.len() as u32 - 1
                    })
                });
                batch.items.push(Item { head, chunk: claim.chunk, at: stream.at, context });
                stream.at += head.len;
                stream.records += 1;
                front.next = next(
                    segment,
                    &claim,
                    stream,
                    front.committed,
                    shapes,
                    &mut front.context,
                    &mut damaged,
                );
                if batch.items.len() >= BATCH_RECORDS {
                    more = true;
                    break;
                }
                match &front.next {
                    Some(head) if head.nanos <= rival && in_time(head.nanos, limit) => {}
                    _ => break,
                }
            }
            if more {
                break;
            }
            if self.heads[at].next.is_none() && claim.sealed {
                // The stream goes on in a chunk that is not claimed: it may hold what comes next.
                more = true;
                break;
            }
        }
        for front in &self.heads {
            let claim = claims[front.claim];
            let to = self.streams[claim.stream as usize].at;
            batch.chunks.push(Progress { chunk: claim.chunk, to });
        }
        Merged { more, damaged }
    }

    fn begin(
        &mut self,
        segment: &Segment,
        claims: &[Claim],
        shapes: &mut Shapes,
        batch: &Batch,
        damaged: &mut u64,
    ) {
        debug_assert!(batch.items.is_empty());
        self.heads.clear();
        for (index, claim) in claims.iter().enumerate() {
            let chunk = segment.chunk(claim.chunk);
            let order = chunk.header().order.load(std::sync::atomic::Ordering::Relaxed);
            let at = claim.stream as usize;
            if self.streams.len() <= at {
                self.streams.resize_with(at + 1, Progressed::default);
            }
            let stream = &mut self.streams[at];
            if (stream.chunk, stream.order) != (claim.chunk, order) || stream.at == 0 {
                *stream = Progressed {
                    chunk: claim.chunk,
                    order,
                    at: PAYLOAD_AT,
                    ..Progressed::default()
                };
            }
            let committed = chunk.committed();
            let mut context = None;
            let next = next(segment, claim, stream, committed, shapes, &mut context, damaged);
            self.heads.push(Front { claim: index, committed, context, next });
        }
    }

    /// The front with the oldest record, and the time of the next-oldest front.
    fn first(&self, limit: u64) -> Option<(usize, u64)> {
        let mut first: Option<(usize, u64)> = None;
        let mut rival = u64::MAX;
        for (index, front) in self.heads.iter().enumerate() {
            let Some(head) = &front.next else { continue };
            match first {
                Some((_, least)) if least <= head.nanos => rival = rival.min(head.nanos),
                Some((_, least)) => {
                    rival = least;
                    first = Some((index, head.nanos));
                }
                None => first = Some((index, head.nanos)),
            }
        }
        first.filter(|&(_, nanos)| in_time(nanos, limit)).map(|(index, _)| (index, rival))
    }

    /// How many records of a claimed chunk have been read.
    pub(crate) fn records_read(&self, claim: &Claim) -> u32 {
        self.streams.get(claim.stream as usize).map_or(0, |stream| stream.records)
    }

    /// Whether a stream has been read up to this place in this chunk, or beyond the chunk.
    pub(crate) fn is_past(&self, mark: &Mark) -> bool {
        let Some(stream) = self.streams.get(mark.stream as usize) else { return false };
        let ahead = stream.order.wrapping_sub(mark.order) as i32;
        ahead > 0 || ahead == 0 && stream.at >= mark.committed
    }

    /// Up to where a claimed chunk has been read.
    pub(crate) fn read_up_to(&self, claim: &Claim) -> u32 {
        self.streams.get(claim.stream as usize).map_or(0, |stream| stream.at)
    }
}

fn in_time(nanos: u64, limit: u64) -> bool {
    nanos <= limit || nanos - limit > AHEAD
}

/// The head of the next record, past the contexts before it.
fn next(
    segment: &Segment,
    claim: &Claim,
    stream: &mut Progressed,
    committed: u32,
    shapes: &mut Shapes,
    context: &mut Option<u32>,
    damaged: &mut u64,
) -> Option<Head> {
    while stream.at < committed {
        // SAFETY: the chunk is claimed, and up to here it is committed.
        let bytes = unsafe { segment.chunk(claim.chunk).bytes(stream.at, committed) };
        let Some(head) = Head::read(bytes) else {
            // Only in a segment that something else wrote to.
            *damaged += u64::from(committed - stream.at);
            stream.at = committed;
            return None;
        };
        if !head.has(CONTEXT) {
            return Some(head);
        }
        let frame = &bytes[..head.len as usize];
        stream.context = read_context(&head, frame).map(|data| Arc::new(shapes.know_context(data)));
        *context = None;
        stream.at += head.len;
    }
    None
}
